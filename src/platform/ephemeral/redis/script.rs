//! What Redis does in one step that is more than one command: Lua scripts, called by the hashes of their texts.

use std::sync::LazyLock;

use redis::Cmd;

/// A script of ours.
#[derive(Clone, Copy)]
pub(super) enum Script {
    /// Reads values and counts events.
    Count,
    /// Counts limits and makes changes, all or nothing.
    Apply,
}

struct Program {
    text: &'static str,
    hash: String,
}

impl Program {
    fn new(text: &'static str) -> Self {
        Self { text, hash: redis::Script::new(text).get_hash().to_owned() }
    }
}

static COUNT: LazyLock<Program> =
    LazyLock::new(|| Program::new(concat!(include_str!("window.lua"), include_str!("count.lua"))));
static APPLY: LazyLock<Program> =
    LazyLock::new(|| Program::new(concat!(include_str!("window.lua"), include_str!("apply.lua"))));

impl Script {
    pub(super) const ALL: [Self; 2] = [Self::Count, Self::Apply];

    /// Makes the server know it.
    pub(super) fn load(self) -> Cmd {
        let mut load = redis::cmd("SCRIPT");
        load.arg("LOAD").arg(self.program().text);
        load
    }

    /// Begins a call: `keys` keys follow, then the arguments.
    pub(super) fn call(self, keys: usize) -> Cmd {
        let mut call = redis::cmd("EVALSHA");
        call.arg(&self.program().hash).arg(keys);
        call
    }

    fn program(self) -> &'static Program {
        match self {
            Self::Count => &COUNT,
            Self::Apply => &APPLY,
        }
    }
}

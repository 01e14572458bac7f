//! Atomic operations of several commands: Lua scripts, called by their hashes.

use std::sync::LazyLock;

use redis::Cmd;

/// A script.
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

    /// Loads it into the server.
    pub(super) fn load(self) -> Cmd {
        let mut load = redis::cmd("SCRIPT");
        load.arg("LOAD").arg(self.program().text);
        load
    }

    /// Starts a call: `keys` keys follow, then the arguments.
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

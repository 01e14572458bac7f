/// What a value must be: what a variable's text stands for, and the words of reports and of the reference.
#[derive(Clone, Copy)]
pub(crate) enum ValueKind {
    Integer {
        from: u32,
        to: u32,
        unit: &'static str,
    },
    OneOf(&'static [u32], &'static str),
    Integers {
        from: u32,
        to: u32,
        at_most: usize,
        unit: &'static str,
    },
    Flag,
    /// Text, of which these words say more.
    Text(&'static str),
    List(&'static str),
    Table(&'static str),
    Secret,
}

impl ValueKind {
    /// The type, in the words of reports and of the reference.
    pub fn name(&self) -> String {
        match self {
            Self::Integer { from, to, .. } => format!("a whole number from {from} to {to}"),
            Self::OneOf(numbers, _) => numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" or "),
            Self::Integers { from, to, at_most, .. } => {
                format!("a list of 1 to {at_most} whole numbers from {from} to {to}")
            }
            Self::Flag => "true or false".into(),
            Self::Text(words) | Self::List(words) | Self::Table(words) => (*words).into(),
            Self::Secret => "a secret: text, or { file = \"/path\" }".into(),
        }
    }

    /// What a number counts; empty where nothing is counted.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Integer { unit, .. } | Self::OneOf(_, unit) | Self::Integers { unit, .. } => unit,
            _ => "",
        }
    }
}

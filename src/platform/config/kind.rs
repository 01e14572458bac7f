/// The kind of a value: how a variable's text is parsed, and its description in reports and the reference.
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
    /// Text with this description.
    Text(&'static str),
    List(&'static str),
    Table(&'static str),
    Secret,
}

impl ValueKind {
    /// The description for reports and the reference.
    pub(crate) fn name(&self) -> String {
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

    /// The unit of a number; empty for other kinds.
    pub(crate) fn unit(&self) -> &'static str {
        match self {
            Self::Integer { unit, .. } | Self::OneOf(_, unit) | Self::Integers { unit, .. } => unit,
            _ => "",
        }
    }
}

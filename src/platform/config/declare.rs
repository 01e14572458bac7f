use std::iter::once;
use std::ops::RangeInclusive;

use super::{Loader, SettingValue, ValueKind};

/// A section of the configuration, and its subsections.
#[derive(Clone, Copy)]
pub(crate) struct Section {
    /// The heading in TOML; empty for keys at the top.
    pub name: &'static str,
    /// What the section is about, for the reference.
    pub about: &'static str,
    pub keys: &'static [SettingKey],
    /// Its subsections, in the order of the reference.
    pub within: &'static [Section],
    /// Whether it may be omitted as a whole, including its required keys.
    pub optional: bool,
}

/// One key, as used for loading, error reports and the reference.
#[derive(Clone, Copy)]
pub(crate) struct SettingKey {
    /// Section and name, such as `server.listen`.
    pub path: &'static str,
    pub kind: ValueKind,
    pub fallback: Fallback,
    /// What it means, in a sentence for an operator.
    pub meaning: &'static str,
}

/// The value of a key that is not set.
#[derive(Clone, Copy)]
pub(crate) enum Fallback {
    /// A TOML value.
    Value(&'static str),
    Required,
    /// None, described by this text in the reference.
    Nothing(&'static str),
}

/// Implemented by [`settings!`].
pub(crate) trait SettingsSection: Sized {
    const SECTION: Section;

    /// Reads every value of the section, and reports all that are invalid or missing.
    fn read(loader: &mut Loader) -> Self;
}

impl<S: SettingsSection> SettingsSection for Option<S> {
    const SECTION: Section = Section { optional: true, ..S::SECTION };

    fn read(loader: &mut Loader) -> Self {
        loader.has_section(S::SECTION.name).then(|| S::read(loader))
    }
}

impl Section {
    /// This section and its subsections, in the order of the reference.
    pub(crate) fn all(&'static self) -> Box<dyn Iterator<Item = &'static Section>> {
        Box::new(once(self).chain(self.within.iter().flat_map(Section::all)))
    }

    /// Every key of [`Section::all`].
    pub(crate) fn all_keys(&'static self) -> impl Iterator<Item = &'static SettingKey> {
        self.all().flat_map(|section| section.keys)
    }

    pub(crate) fn key(&'static self, path: &str) -> Option<&'static SettingKey> {
        self.all_keys().find(|key| key.path == path)
    }

    /// Whether a path is the heading of a section.
    pub(crate) fn is_heading(&'static self, path: &str) -> bool {
        !path.is_empty() && self.all().any(|section| section.name == path)
    }
}

/// What a declaration may add to a key after its type and default.
impl SettingKey {
    pub(crate) const fn new<T: SettingValue>(path: &'static str, meaning: &'static str) -> Self {
        Self { path, kind: T::KIND, fallback: T::FALLBACK, meaning }
    }

    pub(crate) const fn default(self, literal: &'static str) -> Self {
        Self { fallback: Fallback::Value(literal), ..self }
    }

    /// The description of a missing value.
    pub(crate) const fn otherwise(self, words: &'static str) -> Self {
        Self { fallback: Fallback::Nothing(words), ..self }
    }

    /// A number in a range, and its unit.
    pub(crate) const fn count(self, range: RangeInclusive<u32>, unit: &'static str) -> Self {
        Self { kind: ValueKind::Integer { from: *range.start(), to: *range.end(), unit }, ..self }
    }

    /// One of these numbers.
    pub(crate) const fn one_of(self, numbers: &'static [u32], unit: &'static str) -> Self {
        Self { kind: ValueKind::OneOf(numbers, unit), ..self }
    }

    /// A list of one to `at_most` numbers.
    pub(crate) const fn up_to(self, at_most: usize, range: RangeInclusive<u32>, unit: &'static str) -> Self {
        let (from, to) = (*range.start(), *range.end());
        Self { kind: ValueKind::Integers { from, to, at_most, unit }, ..self }
    }
}

/// Declares a section: its heading, and for each key the meaning, the name, the type, a default in TOML if there is
/// one, and further attributes of [`SettingKey`]. A key without a default is required, unless its type is an
/// `Option` or a map. Subsections follow the keys.
///
/// ```ignore
/// settings! {
///     /// What the section is about.
///     [section]
///     pub struct SectionSettings {
///         /// What the key means, in a sentence for an operator.
///         name_seconds: u32 = 30, count(1..=60, "seconds");
///         [subsection]: Option<SubsectionSettings>;
///     }
/// }
/// ```
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        $heading:tt
        $vis:vis struct $Name:ident {
            $(
                $(#[doc = $meaning:literal])+
                $key:ident: $type:ty $(= $default:tt)? $(, $rule:ident $arguments:tt)*;
            )*
            $([$within:ident]: $Within:ty;)*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        $vis struct $Name {
            $($(#[doc = $meaning])+ pub $key: $type,)*
            $(#[doc = concat!("The section `", stringify!($within), "`, a subsection.")] pub $within: $Within,)*
        }

        const _: () = {
            use $crate::platform::config;

            impl config::SettingsSection for $Name {
                const SECTION: config::Section = config::Section {
                    name: config::settings!(@name $heading),
                    about: concat!($($about),+),
                    keys: &[$(config::settings!(
                        @key $heading $key [$type] [$($meaning)+] [$($default)?] [$($rule $arguments)*]
                    )),*],
                    within: &[$(<$Within as config::SettingsSection>::SECTION),*],
                    optional: false,
                };

                fn read(loader: &mut config::Loader) -> Self {
                    Self {
                        $($key: loader.take(const { &config::settings!(
                            @key $heading $key [$type] [$($meaning)+] [$($default)?] [$($rule $arguments)*]
                        ) }),)*
                        $($within: config::SettingsSection::read(loader),)*
                    }
                }
            }
        };
    };
    (@name []) => { "" };
    (@name [$head:ident $(. $tail:ident)*]) => { concat!(stringify!($head) $(, ".", stringify!($tail))*) };
    (
        @key [$($heading:ident).*] $key:ident [$type:ty] [$($meaning:literal)+] [$($default:tt)?]
        [$($rule:ident ($($argument:expr),*))*]
    ) => {
        $crate::platform::config::SettingKey::new::<$type>(
            concat!($(stringify!($heading), ".",)* stringify!($key)),
            concat!($($meaning),+),
        )
        $(.default(stringify!($default)))?
        $(.$rule($($argument),*))*
    };
}

/// Declares a choice: an enum, and for each variant its name in the configuration.
macro_rules! choices {
    (
        $(#[$attribute:meta])*
        $vis:vis enum $Name:ident {
            $(#[$first_about:meta])* $First:ident = $first:literal,
            $($(#[$about:meta])* $Variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $Name {
            $(#[$first_about])* $First,
            $($(#[$about])* $Variant,)+
        }

        const _: () = {
            use $crate::platform::config::{self, ValueKind};

            impl config::SettingValue for $Name {
                const KIND: ValueKind =
                    ValueKind::Text(concat!("\"", $first, "\"", $(" or \"", $word, "\""),+));
                const LIST: ValueKind =
                    ValueKind::List(concat!("a list of \"", $first, "\"", $(" and \"", $word, "\""),+));

                fn read(raw: &config::Raw, _: ValueKind) -> Result<Self, config::WrongValue> {
                    config::choose(raw, &[($first, Self::$First), $(($word, Self::$Variant)),+])
                }

                fn placeholder() -> Self {
                    Self::$First
                }
            }
        };
    };
}

pub(crate) use {choices, settings};

//! Statements: one text for both databases, or one for each.

/// A statement. Parameters are `$1`, `$2` and so on in both texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sql {
    /// The text for PostgreSQL.
    pub postgres: &'static str,
    /// The text for SQLite.
    pub sqlite: &'static str,
}

impl Sql {
    /// Makes a statement whose text is the same on both.
    #[must_use]
    pub const fn same(text: &'static str) -> Self {
        Self {
            postgres: text,
            sqlite: text,
        }
    }
}

/// Statements with their names, as [`statements!`](crate::statements) lists them.
pub type Statements = &'static [(&'static str, Sql)];

/// Declares statements as constants of type [`Sql`], and `STATEMENTS`, the list of them all, which
/// `testing::prepare` tries on both databases.
///
/// ```
/// store::statements! {
///     /// One user by its id.
///     FIND_USER = "SELECT email FROM users WHERE id = $1";
///     /// The language that a user chose.
///     FIND_LOCALE =
///         postgres "SELECT settings ->> 'locale' AS locale FROM users WHERE id = $1"
///         sqlite "SELECT json_extract(settings, '$.locale') AS locale FROM users WHERE id = $1";
/// }
///
/// assert_eq!(STATEMENTS.len(), 2);
/// assert_eq!(FIND_USER.postgres, FIND_USER.sqlite);
/// assert_ne!(FIND_LOCALE.postgres, FIND_LOCALE.sqlite);
/// ```
#[macro_export]
macro_rules! statements {
    ($(
        $(#[$about:meta])*
        $name:ident = $($both:literal)? $(postgres $postgres:literal sqlite $sqlite:literal)? ;
    )+) => {
        $(
            $(#[$about])*
            const $name: $crate::Sql = $crate::Sql {
                postgres: concat!($($both)? $($postgres)?),
                sqlite: concat!($($both)? $($sqlite)?),
            };
        )+

        /// The statements of this module, for the test that prepares them on both databases.
        #[cfg_attr(not(test), expect(dead_code, reason = "read by a test"))]
        pub(crate) const STATEMENTS: $crate::Statements = &[$((stringify!($name), $name)),+];
    };
}

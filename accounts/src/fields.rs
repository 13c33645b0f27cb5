//! What people may write into the fields of a form, and what is said if they don't.
//!
//! Invariant: whatever passes is trimmed, has no control characters, and fits the database.

use jiff::tz::TimeZone;
use service::error::FieldError;
use service::{ApiError, ErrorCode};
use unicode_normalization::UnicodeNormalization;

const EMAIL_BYTES_MAX: usize = 254;
const NAME_CHARACTERS_MAX: usize = 100;
const ABOUT_CHARACTERS_MAX: usize = 2000;

/// The languages that mails and pages are written in; the first one stands in for all others.
pub(crate) const LOCALES: &[&str] = &["en", "de"];

/// Collects what is wrong with a form, so that all of it is told at once.
#[derive(Debug, Default)]
pub(crate) struct Form {
    errors: Vec<FieldError>,
}

impl Form {
    /// Notes the problem of a field, if there is one.
    pub(crate) fn check<T>(
        &mut self,
        field: &'static str,
        result: Result<T, FieldProblem>,
    ) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(problem) => {
                self.errors.push(FieldError {
                    field,
                    code: problem.code,
                    message: problem.message,
                });
                None
            }
        }
    }

    /// Says whether nothing was wrong.
    pub(crate) fn is_fine(&self) -> bool {
        self.errors.is_empty()
    }

    /// Makes the answer for a form that has problems.
    pub(crate) fn refusal(self) -> ApiError {
        let detail = "Some fields need another look.";
        ApiError::client(ErrorCode::InvalidArgument, detail).with_fields(self.errors)
    }
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldProblem {
    /// A word that programs can rely on.
    pub(crate) code: &'static str,
    /// A sentence for a person.
    pub(crate) message: String,
}

/// Makes a problem.
pub(crate) fn problem(code: &'static str, message: impl Into<String>) -> FieldProblem {
    let message = message.into();
    FieldProblem { code, message }
}

/// An e-mail address, as it was written and as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email {
    /// As it was written.
    pub(crate) address: String,
    /// Lower case and composed (NFC).
    pub(crate) key: String,
}

impl Email {
    /// Reads an address. Only what can't be one is refused: whether it exists, a mail will tell.
    pub(crate) fn parse(text: &str) -> Result<Self, FieldProblem> {
        let address: String = text.trim().nfc().collect();
        let is_plain =
            |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[]\\,;:\"".contains(c);
        let looks_right = address.rsplit_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !local.contains('@')
                && !domain.starts_with(['.', '-'])
                && !domain.ends_with(['.', '-'])
                && !domain.contains("..")
                && domain.contains('.')
        });
        if address.is_empty() {
            return Err(problem("required", "Enter an e-mail address."));
        }
        if !looks_right || address.len() > EMAIL_BYTES_MAX || !address.chars().all(is_plain) {
            return Err(problem("email-invalid", "This is not an e-mail address."));
        }
        let key = search_key(&address);
        Ok(Self { address, key })
    }
}

/// Returns how a text is compared and searched.
pub(crate) fn search_key(text: &str) -> String {
    text.to_lowercase().nfc().collect()
}

/// Reads the name that others see.
pub(crate) fn name(text: &str) -> Result<String, FieldProblem> {
    let name: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let name: String = name.nfc().collect();
    if name.is_empty() {
        return Err(problem("required", "Enter a name."));
    }
    bounded(&name, NAME_CHARACTERS_MAX)?;
    if name.chars().any(is_hidden) {
        return Err(problem(
            "characters",
            "The name has characters that can't be seen.",
        ));
    }
    Ok(name)
}

/// Reads what people say of themselves; line breaks are theirs to make.
pub(crate) fn about(text: &str) -> Result<String, FieldProblem> {
    let about: String = text.trim().replace("\r\n", "\n").nfc().collect();
    bounded(&about, ABOUT_CHARACTERS_MAX)?;
    if about
        .chars()
        .any(|c| is_hidden(c) && c != '\n' && c != '\t')
    {
        return Err(problem(
            "characters",
            "The text has characters that can't be seen.",
        ));
    }
    Ok(about)
}

/// Reads a country: two letters (ISO 3166-1), or nothing.
pub(crate) fn country(text: &str) -> Result<String, FieldProblem> {
    let country = text.trim().to_ascii_uppercase();
    let is_code = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
    if !country.is_empty() && !is_code {
        return Err(problem(
            "country-invalid",
            "A country is two letters, such as DE.",
        ));
    }
    Ok(country)
}

/// Reads the name of a time zone, such as `Europe/Berlin`.
pub(crate) fn time_zone(text: &str) -> Result<String, FieldProblem> {
    let zone = TimeZone::get(text.trim()).ok();
    let name = zone.as_ref().and_then(TimeZone::iana_name);
    name.map(str::to_owned)
        .ok_or_else(|| problem("time-zone-invalid", "There is no such time zone."))
}

/// Reads a language: `de`, or `de-AT`, which is taken for `de`.
pub(crate) fn locale(text: &str) -> Result<String, FieldProblem> {
    let language = text.trim().split(['-', '_']).next().unwrap_or_default();
    let language = language.to_ascii_lowercase();
    let is_language =
        (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_lowercase());
    if !is_language {
        return Err(problem(
            "locale-invalid",
            "A language is a code such as en.",
        ));
    }
    let known = LOCALES.iter().find(|known| **known == language);
    Ok((*known.unwrap_or(&LOCALES[0])).to_owned())
}

fn bounded(text: &str, characters_max: usize) -> Result<(), FieldProblem> {
    let characters = text.chars().count();
    if characters > characters_max {
        let message = format!("{characters} characters are too many; {characters_max} fit.");
        return Err(problem("too-long", message));
    }
    Ok(())
}

/// Control characters, and those that turn the direction of what follows.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
            && c != '\u{200d}'
            && c != '\u{200c}'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_kept_as_written_and_compared_in_lower_case() {
        let email = Email::parse("  Ana.María@Example.ORG ").unwrap();

        assert_eq!(email.address, "Ana.María@Example.ORG");
        assert_eq!(email.key, "ana.maría@example.org");
        let decomposed = Email::parse("ana.mari\u{301}a@example.org").unwrap();
        assert_eq!(decomposed.key, email.key);
    }

    #[test]
    fn what_can_not_be_an_address_is_refused() {
        for text in [
            "ana",
            "@example.org",
            "ana@",
            "ana@example",
            "a b@example.org",
            "ana@.org",
            "ana@example..org",
            "ana@example.org.",
            "ana@b@example.org",
            "<ana@example.org>",
            "ana@example.org\r\nBcc: eve@example.org",
            "ana@exam\u{0}ple.org",
            &format!("{}@example.org", "a".repeat(250)),
        ] {
            assert_eq!(
                Email::parse(text).unwrap_err().code,
                "email-invalid",
                "{text}"
            );
        }
        assert_eq!(Email::parse("  ").unwrap_err().code, "required");
    }

    #[test]
    fn names_are_trimmed_and_bounded_and_show_all_that_they_have() {
        assert_eq!(name("  Ana   María ").unwrap(), "Ana María");
        assert_eq!(name("李小龍").unwrap(), "李小龍");
        assert_eq!(name(" ").unwrap_err().code, "required");
        assert_eq!(name(&"x".repeat(101)).unwrap_err().code, "too-long");
        assert_eq!(name("Ana\u{202e}nimda").unwrap_err().code, "characters");
        assert_eq!(name("A\u{0}na").unwrap_err().code, "characters");
    }

    #[test]
    fn zones_languages_and_countries_are_known_ones() {
        assert_eq!(time_zone("europe/berlin").unwrap(), "Europe/Berlin");
        assert!(time_zone("Mars/Olympus").is_err());
        assert!(time_zone("").is_err());
        assert_eq!(locale("de-AT").unwrap(), "de");
        assert_eq!(locale("fr").unwrap(), "en");
        assert!(locale("../../etc").is_err());
        assert_eq!(country("de").unwrap(), "DE");
        assert_eq!(country("").unwrap(), "");
        assert!(country("Germany").is_err());
    }

    #[test]
    fn a_form_tells_all_that_is_wrong_at_once() {
        let mut form = Form::default();
        assert_eq!(form.check("name", name("Ana")), Some("Ana".to_owned()));
        form.check("email", Email::parse("ana"));
        form.check("country", country("Germany"));

        let fields: Vec<&str> = form.refusal().fields().iter().map(|e| e.field).collect();

        assert_eq!(fields, ["email", "country"]);
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_passes_has_no_control_characters(text in "\\PC{0,60}|.{0,60}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert!(!email.address.contains(char::is_control));
            }
            if let Ok(name) = name(&text) {
                prop_assert!(!name.contains(char::is_control) && name.trim() == name);
            }
            let _ = (about(&text), country(&text), locale(&text), time_zone(&text));
        }
    }
}

//! Passwords: which ones are taken, and how they are kept.

mod common;
pub(crate) mod hasher;

use crate::fields::{FieldProblem, problem, search_key};

/// The least length. Long ones beat curious ones, so nothing is asked of digits and signs.
pub(crate) const CHARACTERS_MIN: usize = 10;

/// The greatest length, which bounds what one hash costs.
pub(crate) const CHARACTERS_MAX: usize = 128;

/// Parts of a name or an address shorter than this may be in a password.
const PART_CHARACTERS_MIN: usize = 4;

/// Checks a new password of somebody with this e-mail address and name.
pub(crate) fn check(password: &str, email: &str, name: &str) -> Result<(), FieldProblem> {
    let characters = password.chars().count();
    if characters < CHARACTERS_MIN {
        let message = format!("Use at least {CHARACTERS_MIN} characters.");
        return Err(problem("too-short", message));
    }
    if characters > CHARACTERS_MAX {
        let message = format!("{characters} characters are too many; {CHARACTERS_MAX} fit.");
        return Err(problem("too-long", message));
    }
    let key = search_key(password);
    let bare: String = key.chars().filter(|c| c.is_alphanumeric()).collect();
    let words = email
        .split(['@', '.', '+', '-', '_'])
        .chain(name.split_whitespace());
    let is_personal = words.map(search_key).any(|word| {
        let length = word.chars().count();
        // The word, and hardly anything beside it.
        length >= PART_CHARACTERS_MIN
            && bare.contains(&word)
            && bare.len() < word.len() + PART_CHARACTERS_MIN
    });
    let email_key = search_key(email);
    if is_personal || key == email_key || key == search_key(name) {
        let message = "Use something else than your name or your e-mail address.";
        return Err(problem("personal", message));
    }
    let mut kinds: Vec<char> = key.chars().collect();
    kinds.sort_unstable();
    kinds.dedup();
    if common::is_common(&key) || kinds.len() < 4 {
        let message = "This password is among the first that are tried. Use another one.";
        return Err(problem("common", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(password: &str) -> &'static str {
        match check(password, "ana.lopez@example.org", "Ana López") {
            Ok(()) => "fine",
            Err(problem) => problem.code,
        }
    }

    #[test]
    fn each_rule_has_its_reason() {
        let long = "ab cd ef ".repeat(14);
        for (password, expected) in [
            ("short", "too-short"),
            ("123456789", "too-short"),
            ("ünïcödé!x", "too-short"),
            ("correct horse battery", "fine"),
            ("mein hund heißt leo", "fine"),
            ("ünïcödé!xy", "fine"),
            (&long[..126], "fine"),
            (&"ab cd ef gh".repeat(12)[..129], "too-long"),
            ("1234567890", "common"),
            ("Password123", "common"),
            ("qwertyuiop", "common"),
            ("aaaaaaaaaaaa", "common"),
            ("ababababababab", "common"),
            ("Ana.Lopez@example.org", "personal"),
            ("ana lópez!", "personal"),
            ("example-19x", "personal"),
            ("lopez feeds seven parrots", "fine"),
        ] {
            assert_eq!(verdict(password), expected, "{password}");
        }
    }
}

//! What went wrong on the way, for the end of the report.

use std::error::Error;
use std::sync::{Mutex, PoisonError};

/// Notes that are kept; the first ones tell most.
const NOTES_MAX: usize = 20;

static NOTES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Notes who had which trouble, with its causes. Repetitions are noted once.
pub(crate) fn complain(who: &str, error: &dyn Error) {
    let mut text = format!("{who}: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        let next = cause.to_string();
        // Errors of others may have repeated it themselves.
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        source = cause.source();
    }
    let mut notes = NOTES.lock().unwrap_or_else(PoisonError::into_inner);
    if notes.len() < NOTES_MAX && !notes.contains(&text) {
        notes.push(text);
    }
}

/// Takes all notes.
pub(crate) fn take() -> Vec<String> {
    std::mem::take(&mut *NOTES.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use std::io;

    use thiserror::Error;

    use super::*;

    #[derive(Debug, Error)]
    #[error("{0}")]
    struct Repeats(#[source] io::Error);

    #[derive(Debug, Error)]
    #[error("no way")]
    struct Outer(#[source] Repeats);

    #[test]
    fn causes_are_told_once_each() {
        let error = Outer(Repeats(io::Error::other("a locked door")));

        complain("ana", &error);
        complain("ana", &error);

        let notes = take();
        let told = notes.iter().filter(|note| note.starts_with("ana"));
        let told: Vec<&String> = told.collect();
        assert_eq!(told, ["ana: no way: a locked door"]);
    }
}

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
        text = format!("{text}: {cause}");
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

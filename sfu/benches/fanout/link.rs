//! What the two processes say to each other: lines of words. Descriptions, which have lines of
//! their own, are the last word and escaped.

use std::io::{BufRead, Write};

/// Writes a line.
pub(crate) fn say(to: &mut impl Write, words: &[&str]) {
    let line = words.join("\t").replace("\r\n", "\u{1}");
    writeln!(to, "{line}").expect("the other process listens");
    to.flush().expect("the other process listens");
}

/// Reads a line; nothing at the end.
pub(crate) fn hear(from: &mut impl BufRead) -> Option<Vec<String>> {
    let mut line = String::new();
    let read = from
        .read_line(&mut line)
        .expect("the other process speaks text");
    let words = || line.trim_end().replace('\u{1}', "\r\n");
    (read > 0).then(|| words().split('\t').map(str::to_owned).collect())
}

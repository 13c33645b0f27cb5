//! Codes of authenticator apps (RFC 6238): six digits that change every 30 s.
//!
//! Invariants:
//! - a code is taken in its own step and in the one before and after it, nowhere else;
//! - no step is taken twice, nor one before a step that was taken.

use std::fmt::Write as _;

use jiff::Timestamp;
use rand::Rng;
use totp_rs::{Builder, Secret};

/// Bytes of a secret, as RFC 4226, section 4, recommends.
pub(crate) const SECRET_BYTES: usize = 20;

/// Digits of a code.
pub(crate) const DIGITS: usize = 6;

/// Seconds of a step.
const STEP_SECONDS: u64 = 30;

/// Steps that the clocks may differ.
const SKEW_STEPS: u64 = 1;

/// Makes a secret.
pub(crate) fn random_secret() -> [u8; SECRET_BYTES] {
    rand::rng().random()
}

/// Finds the step that `code` belongs to at `now`, if it may be taken: then store it as the last one,
/// in a statement that looks once more that no newer one is there.
pub(crate) fn accepted_step(
    secret: &[u8],
    code: &str,
    now: Timestamp,
    last_step: Option<i64>,
) -> Option<i64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if code.len() != DIGITS || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let current = u64::try_from(now.as_second()).ok()? / STEP_SECONDS;
    let mut found = None;
    // All are compared, so that the time taken doesn't tell which one it was.
    for step in current.saturating_sub(SKEW_STEPS)..=current + SKEW_STEPS {
        let is_equal = is_equal(code_of(secret, step).as_bytes(), code.as_bytes());
        let step = i64::try_from(step).ok()?;
        if is_equal && last_step.is_none_or(|last| last < step) && found.is_none() {
            found = Some(step);
        }
    }
    found
}

/// Returns the code of a step.
fn code_of(secret: &[u8], step: u64) -> String {
    let secret = Secret::new(secret.into());
    let totp = Builder::new().with_secret(secret).build_noncompliant();
    totp.generate(step * STEP_SECONDS).to_string()
}

/// Writes a secret as people type it into their app.
pub(crate) fn secret_text(secret: &[u8]) -> String {
    Secret::new(secret.into()).to_base32()
}

/// Writes a secret as their app scans it (Google Authenticator's key URI format).
pub(crate) fn uri(secret: &[u8], issuer: &str, account: &str) -> String {
    format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
        secret_text(secret),
        issuer = percent_encoded(issuer),
        account = percent_encoded(account),
    )
}

/// RFC 3986, section 2.1: all but unreserved characters.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Compares without stopping at the first difference.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    let differing = one.iter().zip(other).fold(0, |acc, (a, b)| acc | (a ^ b));
    one.len() == other.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238, appendix B.
    const SECRET: &[u8] = b"12345678901234567890";

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn the_codes_are_those_of_the_rfc() {
        // Its table has eight digits, of which the last six are ours.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            let step = accepted_step(SECRET, code, time(seconds), None);
            assert_eq!(step, Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_one_step_early_and_one_late() {
        let at = 1_234_567_890;
        let accepted = |offset: i64| accepted_step(SECRET, "005924", time(at + offset), None);

        assert_eq!(accepted(-60), None);
        assert_eq!(accepted(-30), Some(at / 30));
        assert_eq!(accepted(0), Some(at / 30));
        assert_eq!(accepted(59), Some(at / 30));
        assert_eq!(accepted(60), None);
    }

    #[test]
    fn no_step_is_taken_twice_nor_one_before_it() {
        let at = 1_234_567_890;
        let accepted = |last: i64| accepted_step(SECRET, "005924", time(at), Some(last));

        assert_eq!(accepted(at / 30 - 1), Some(at / 30));
        assert_eq!(accepted(at / 30), None);
        assert_eq!(accepted(at / 30 + 1), None);
    }

    #[test]
    fn only_six_digits_are_a_code_however_they_are_parted() {
        let accepted = |code| accepted_step(SECRET, code, time(1_234_567_890), None);

        assert!(accepted("005 924").is_some());
        for other in ["", "5924", "0005924", "+05924", "００５９２４", "005925"] {
            assert_eq!(accepted(other), None, "{other}");
        }
    }

    #[test]
    fn an_app_can_scan_it() {
        assert_eq!(
            uri(SECRET, "Clapt", "ana+1@example.org"),
            "otpauth://totp/Clapt:ana%2B1%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Clapt&algorithm=SHA1&digits=6&period=30"
        );
        assert_ne!(random_secret(), random_secret());
    }
}

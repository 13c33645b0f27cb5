//! The mails that accounts cause, in every language that there is.
//!
//! Invariant: whatever people wrote (their names) stands in HTML as text.

use std::fmt::Write as _;

/// A mail, as text and as HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About<'a> {
    /// Somebody registered with this address: the link verifies it.
    Verify { link: &'a str, minutes: u32 },
    /// Somebody registered with an address that has an account.
    HasAccount { sign_in: &'a str },
    /// Somebody asked for a new password, or an administrator did.
    Reset { link: &'a str, minutes: u32 },
    /// The password was changed.
    PasswordChanged { forgot: &'a str },
    /// A refresh token was used twice, so the session was ended.
    SessionRevoked { device: &'a str, security: &'a str },
    /// Two-step sign-in was turned on or off.
    SecondFactor { on: bool, security: &'a str },
}

/// What a mail says: its subject, its sentences, and what its link is called.
struct Words {
    subject: &'static str,
    sentences: Vec<String>,
    button: Option<(&'static str, String)>,
    closing: &'static str,
}

/// Writes the mail about something to somebody with this name, in their language.
pub(crate) fn write(about: About<'_>, name: &str, locale: &str) -> Letter {
    let (greeting, words) = match locale {
        "de" => (format!("Hallo {name},"), german(about)),
        _ => (format!("Hello {name},"), english(about)),
    };
    let mut text = format!("{greeting}\n\n");
    let mut html = format!("<p>{}</p>", escaped(&greeting));
    for sentence in &words.sentences {
        text.push_str(sentence);
        text.push_str("\n\n");
        let _ = write!(html, "<p>{}</p>", escaped(sentence));
    }
    if let Some((label, link)) = &words.button {
        text.push_str(link);
        text.push_str("\n\n");
        let _ = write!(
            html,
            "<p><a href=\"{}\" style=\"display:inline-block;padding:10px 16px;border-radius:8px;\
             background:#1f5eff;color:#ffffff;text-decoration:none\">{label}</a></p>",
            escaped(link)
        );
    }
    text.push_str(words.closing);
    text.push('\n');
    let _ = write!(html, "<p style=\"color:#666666\">{}</p>", words.closing);
    let language = if locale == "de" { "de" } else { "en" };
    let html = format!(
        "<!doctype html><html lang=\"{language}\"><meta charset=\"utf-8\"><title>{}</title>\
         <body style=\"font-family:system-ui,sans-serif;line-height:1.5;max-width:34em\">{html}</body></html>",
        words.subject
    );
    Letter {
        subject: words.subject.to_owned(),
        text,
        html,
    }
}

fn english(about: About<'_>) -> Words {
    const NOT_YOU: &str = "If this was not you, ignore this mail: nothing will happen.";
    const NOT_YOU_AFTER: &str = "If this was not you, set a new password at once.";
    let (subject, sentences, button, closing) = match about {
        About::Verify { link, minutes } => (
            "Confirm your e-mail address",
            vec![format!(
                "somebody, hopefully you, registered with this address. Confirm within {minutes} minutes that it is yours:"
            )],
            Some(("Confirm address", link)),
            NOT_YOU,
        ),
        About::HasAccount { sign_in } => (
            "You have an account already",
            vec!["somebody, hopefully you, tried to register with this address. It has an account already: sign in, or choose a new password if you forgot yours.".to_owned()],
            Some(("Sign in", sign_in)),
            NOT_YOU,
        ),
        About::Reset { link, minutes } => (
            "Choose a new password",
            vec![format!("with this link you can choose a new password within {minutes} minutes. Then you are signed out everywhere:")],
            Some(("Choose a new password", link)),
            NOT_YOU,
        ),
        About::PasswordChanged { forgot } => (
            "Your password was changed",
            vec!["the password of your account was changed, and your other devices were signed out.".to_owned()],
            Some(("Choose a new password", forgot)),
            NOT_YOU_AFTER,
        ),
        About::SessionRevoked { device, security } => (
            "A device was signed out for your safety",
            vec![format!(
                "somebody else may have got hold of the sign-in of this device, so we ended it: {device}. Sign in again, and look through your devices:"
            )],
            Some(("Look at devices", security)),
            "If you see a device that is not yours, set a new password.",
        ),
        About::SecondFactor { on, security } => (
            if on { "Two-step sign-in is on" } else { "Two-step sign-in is off" },
            vec![if on {
                "from now on signing in takes a code from your authenticator app as well. Keep your recovery codes in a safe place.".to_owned()
            } else {
                "from now on your password is enough to sign in.".to_owned()
            }],
            Some(("Look at security", security)),
            NOT_YOU_AFTER,
        ),
    };
    Words {
        subject,
        sentences,
        button: button.map(|(label, link)| (label, link.to_owned())),
        closing,
    }
}

fn german(about: About<'_>) -> Words {
    const NOT_YOU: &str = "Waren Sie das nicht, so ist nichts zu tun: Es geschieht nichts.";
    const NOT_YOU_AFTER: &str = "Waren Sie das nicht, so setzen Sie gleich ein neues Passwort.";
    let (subject, sentences, button, closing) = match about {
        About::Verify { link, minutes } => (
            "Bestätigen Sie Ihre E-Mail-Adresse",
            vec![format!(
                "jemand, hoffentlich Sie, hat sich mit dieser Adresse angemeldet. Bestätigen Sie binnen {minutes} Minuten, dass es Ihre ist:"
            )],
            Some(("Adresse bestätigen", link)),
            NOT_YOU,
        ),
        About::HasAccount { sign_in } => (
            "Sie haben schon ein Konto",
            vec!["jemand, hoffentlich Sie, wollte sich mit dieser Adresse registrieren. Sie hat schon ein Konto: Melden Sie sich an, oder wählen Sie ein neues Passwort, falls Sie Ihres vergessen haben.".to_owned()],
            Some(("Anmelden", sign_in)),
            NOT_YOU,
        ),
        About::Reset { link, minutes } => (
            "Wählen Sie ein neues Passwort",
            vec![format!("mit diesem Link können Sie binnen {minutes} Minuten ein neues Passwort wählen. Danach sind Sie überall abgemeldet:")],
            Some(("Neues Passwort wählen", link)),
            NOT_YOU,
        ),
        About::PasswordChanged { forgot } => (
            "Ihr Passwort wurde geändert",
            vec!["das Passwort Ihres Kontos wurde geändert, Ihre anderen Geräte wurden abgemeldet.".to_owned()],
            Some(("Neues Passwort wählen", forgot)),
            NOT_YOU_AFTER,
        ),
        About::SessionRevoked { device, security } => (
            "Ein Gerät wurde zu Ihrer Sicherheit abgemeldet",
            vec![format!(
                "jemand anders könnte die Anmeldung dieses Geräts haben, darum haben wir sie beendet: {device}. Melden Sie sich neu an, und sehen Sie Ihre Geräte durch:"
            )],
            Some(("Geräte ansehen", security)),
            "Sehen Sie ein Gerät, das nicht Ihres ist, so setzen Sie ein neues Passwort.",
        ),
        About::SecondFactor { on, security } => (
            if on { "Anmeldung in zwei Schritten ist an" } else { "Anmeldung in zwei Schritten ist aus" },
            vec![if on {
                "ab jetzt braucht die Anmeldung auch einen Code aus Ihrer Authenticator-App. Bewahren Sie die Wiederherstellungscodes sicher auf.".to_owned()
            } else {
                "ab jetzt genügt Ihr Passwort zur Anmeldung.".to_owned()
            }],
            Some(("Sicherheit ansehen", security)),
            NOT_YOU_AFTER,
        ),
    };
    Words {
        subject,
        sentences,
        button: button.map(|(label, link)| (label, link.to_owned())),
        closing,
    }
}

/// Makes text of what could be markup.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://class.example/verify?token=abc&x=1";

    fn all() -> [About<'static>; 7] {
        [
            About::Verify {
                link: LINK,
                minutes: 30,
            },
            About::HasAccount { sign_in: LINK },
            About::Reset {
                link: LINK,
                minutes: 30,
            },
            About::PasswordChanged { forgot: LINK },
            About::SessionRevoked {
                device: "Firefox",
                security: LINK,
            },
            About::SecondFactor {
                on: true,
                security: LINK,
            },
            About::SecondFactor {
                on: false,
                security: LINK,
            },
        ]
    }

    #[test]
    fn every_mail_has_its_link_and_its_name_in_both_forms_and_languages() {
        for about in all() {
            let [english, german] = ["en", "de"].map(|locale| write(about, "Ana", locale));
            assert_ne!(english.subject, german.subject, "{about:?}");
            for letter in [english, german] {
                assert!(letter.text.contains(LINK) && letter.text.contains("Ana,"));
                assert!(letter.html.contains("token=abc&amp;x=1") && letter.html.contains("Ana,"));
                assert!(!letter.subject.contains(['\r', '\n']));
            }
        }
        let fallback = write(all()[0], "Ana", "fr");
        assert_eq!(fallback, write(all()[0], "Ana", "en"));
    }

    #[test]
    fn names_and_devices_are_text_in_html() {
        let about = About::SessionRevoked {
            device: "<img src=x>",
            security: LINK,
        };

        let letter = write(about, "<script>'\"&", "en");

        assert!(
            !letter.html.contains("<script>") && !letter.html.contains("<img"),
            "{}",
            letter.html
        );
        assert!(letter.html.contains("&lt;script&gt;&#39;&quot;&amp;"));
    }
}

//! What single client SDKs can't cope with.
//!
//! One row for each quirk, so that it can be dropped when the last such client is gone.

use livekit_protocol::ClientInfo;
use livekit_protocol::client_info::{Capability, Sdk};
use sfu::Codec;

/// How to speak to one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a quirk of its own")]
pub(crate) struct Quirks {
    /// The server may leave connectivity checks to the client. Firefox nominates aggressively
    /// towards lite peers too, so that both ends can settle on different pairs.
    pub(crate) ice_lite: bool,
    /// Understands `ReconnectResponse`; JS learned it with 1.6.4.
    pub(crate) reconnect_response: bool,
    /// Skips messages that it doesn't know. The Rust SDK before protocol 10 ended the connection.
    pub(crate) unknown_messages: bool,
    /// Understands `TrackUnpublishedResponse`, since protocol 7.
    pub(crate) unpublish: bool,
    /// Numbers its reliable packets and drops those that it has had, since protocol 16.
    pub(crate) numbered_data: bool,
    /// Plays tracks in sync that come under one stream name, since protocol 10. In Firefox a
    /// section keeps the first name that it had.
    pub(crate) stream_names: bool,
    /// Can't send some codecs well: LiveKit's server does not let it, either.
    pub(crate) unsendable: &'static [Codec],
    /// Shows what comes in a section that carried another track before. Safari does not always.
    pub(crate) reuse_sections: bool,
    /// Finds what a publisher has appended to its frames, and takes it off.
    pub(crate) packet_trailer: bool,
    /// Can't play some codecs, whatever it says of itself.
    pub(crate) unplayable: &'static [Codec],
    /// Reads `Leave.action`; older ones read `can_reconnect` only.
    pub(crate) leave_action: bool,
}

/// Protocol version from which `Leave.action` is understood.
const LEAVE_ACTION_PROTOCOL: i32 = 13;

/// Protocol versions from which streams have names, and reliable packets numbers.
const STREAM_NAMES_PROTOCOL: i32 = 10;
const NUMBERED_DATA_PROTOCOL: i32 = 16;

/// Protocol version from which the server may unpublish.
const UNPUBLISH_PROTOCOL: i32 = 7;

impl Quirks {
    /// Looks up the quirks of `client`.
    pub(crate) fn of(client: &ClientInfo, disable_ice_lite: bool) -> Self {
        let is_old_rust = client.sdk() == Sdk::Rust && client.protocol < 10;
        let is_old_js = client.sdk() == Sdk::Js && version(&client.version) < [1, 6, 4];
        Self {
            ice_lite: !disable_ice_lite && !is_firefox(&client.browser),
            reconnect_response: !is_old_js,
            unknown_messages: !is_old_rust,
            unpublish: client.protocol >= UNPUBLISH_PROTOCOL,
            numbered_data: client.protocol >= NUMBERED_DATA_PROTOCOL,
            stream_names: client.protocol >= STREAM_NAMES_PROTOCOL && !is_firefox(&client.browser),
            unsendable: unsendable(client),
            reuse_sections: !is_safari(&client.browser),
            packet_trailer: client
                .capabilities()
                .any(|capability| capability == Capability::CapPacketTrailer),
            unplayable: unplayable(client),
            leave_action: client.protocol >= LEAVE_ACTION_PROTOCOL,
        }
    }
}

/// Safari has no AV1 encoder, and since 18.4 a VP9 encoder whose frames others can't decode;
/// Firefox on Linux and Android has no dependable H.264 encoder.
fn unsendable(client: &ClientInfo) -> &'static [Codec] {
    let is = |text: &str, expected: &str| text.eq_ignore_ascii_case(expected);
    if is(&client.browser, "safari") {
        return if version(&client.browser_version) >= [18, 4, 0] {
            &[Codec::Red, Codec::Av1, Codec::Vp9]
        } else {
            &[Codec::Red, Codec::Av1]
        };
    }
    let is_linux = is(&client.os, "linux") || is(&client.os, "android");
    match (is_firefox(&client.browser), is_linux) {
        (true, true) => &[Codec::Red, Codec::H264],
        (true, false) => &[Codec::Red],
        (false, _) => &[],
    }
}

/// Firefox and Safari know no redundant sound.
fn unplayable(client: &ClientInfo) -> &'static [Codec] {
    if is_firefox(&client.browser) || is_safari(&client.browser) {
        &[Codec::Red]
    } else {
        &[]
    }
}

fn is_safari(browser: &str) -> bool {
    browser.eq_ignore_ascii_case("safari")
}

fn is_firefox(browser: &str) -> bool {
    browser.to_ascii_lowercase().starts_with("firefox")
}

/// Reads `1.6.4-rc1` as `[1, 6, 4]`; what can't be read is 0.
fn version(text: &str) -> [u32; 3] {
    let mut parts = text.split('.').map(|part| {
        let digits = part
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(part.len());
        part[..digits].parse().unwrap_or(0)
    });
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quirks(sdk: Sdk, version: &str, protocol: i32, browser: &str) -> Quirks {
        let client = ClientInfo {
            sdk: sdk.into(),
            version: version.into(),
            protocol,
            browser: browser.into(),
            ..ClientInfo::default()
        };
        Quirks::of(&client, false)
    }

    #[test]
    fn firefox_gets_full_ice() {
        assert!(!quirks(Sdk::Js, "2.23.0", 17, "Firefox").ice_lite);
        assert!(!quirks(Sdk::Js, "2.23.0", 17, "firefox mobile").ice_lite);
        assert!(quirks(Sdk::Js, "2.23.0", 17, "Chrome").ice_lite);
        assert!(!Quirks::of(&ClientInfo::default(), true).ice_lite);
    }

    #[test]
    fn codecs_that_a_browser_sends_badly_are_left_out() {
        let client = |browser: &str, version: &str, os: &str| ClientInfo {
            browser: browser.into(),
            browser_version: version.into(),
            os: os.into(),
            ..ClientInfo::default()
        };
        let unsendable = |browser, version, os| {
            let quirks = Quirks::of(&client(browser, version, os), false);
            quirks.unsendable
        };

        assert_eq!(
            unsendable("Safari", "17.2", "macOS"),
            [Codec::Red, Codec::Av1]
        );
        assert_eq!(
            unsendable("safari", "18.4", "iOS"),
            [Codec::Red, Codec::Av1, Codec::Vp9]
        );
        assert_eq!(
            unsendable("Firefox", "140", "Linux"),
            [Codec::Red, Codec::H264]
        );
        assert_eq!(unsendable("Firefox", "140", "Windows"), [Codec::Red]);
        assert_eq!(unsendable("Chrome", "140", "Linux"), []);
    }

    #[test]
    fn redundant_sound_goes_to_browsers_that_know_it() {
        let unplayable = |browser| quirks(Sdk::Js, "2.23.0", 17, browser).unplayable;

        assert_eq!(unplayable("Firefox Mobile"), [Codec::Red]);
        assert_eq!(unplayable("Safari"), [Codec::Red]);
        assert_eq!(unplayable("Chrome"), []);
        assert_eq!(unplayable(""), []);
    }

    #[test]
    fn trailers_stay_for_clients_that_say_they_know_them_and_sections_for_all_but_safari() {
        let mut client = ClientInfo::default();
        assert!(!Quirks::of(&client, false).packet_trailer);

        client.capabilities = vec![99, Capability::CapPacketTrailer.into()];

        assert!(Quirks::of(&client, false).packet_trailer);
        assert!(Quirks::of(&client, false).reuse_sections);
        assert!(!quirks(Sdk::Js, "2.23.0", 17, "safari").reuse_sections);
    }

    #[test]
    fn streams_have_names_where_they_can_be_changed() {
        assert!(quirks(Sdk::Js, "2.23.0", 17, "Chrome").stream_names);
        assert!(!quirks(Sdk::Js, "2.23.0", 17, "Firefox").stream_names);
        assert!(!quirks(Sdk::Js, "1.0.0", 9, "Chrome").stream_names);
        assert!(quirks(Sdk::Js, "2.23.0", 16, "Chrome").numbered_data);
        assert!(!quirks(Sdk::Js, "2.15.0", 15, "Chrome").numbered_data);
    }

    #[test]
    fn old_clients_are_spared_what_they_do_not_know() {
        for (version, understood) in [
            ("1.6.3", false),
            ("1.6.4", true),
            ("1.15.13", true),
            ("2.0", true),
            ("", false),
        ] {
            let quirks = quirks(Sdk::Js, version, 17, "Chrome");
            assert_eq!(quirks.reconnect_response, understood, "{version}");
        }
        assert!(!quirks(Sdk::Rust, "0.1.0", 9, "").unknown_messages);
        assert!(quirks(Sdk::Rust, "0.7.0", 15, "").unknown_messages);
        assert!(!quirks(Sdk::Swift, "1.0.0", 6, "").unpublish);
        assert!(quirks(Sdk::Swift, "1.0.0", 7, "").unpublish);
        assert!(!quirks(Sdk::Swift, "1.0.0", 9, "").leave_action);
        assert!(quirks(Sdk::Js, "2.23.0", 17, "").leave_action);
    }
}

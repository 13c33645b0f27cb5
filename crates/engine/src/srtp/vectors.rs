//! What the RFCs compute by hand.

use super::cipher::{Cipher, CounterMode, Gcm};
use super::control::OpenError;
use super::keys::{MasterKey, Purpose, Stream, counter_mode};
use super::{ControlOpener, ControlSealer, Profile, RtpSealer};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| u8::try_from(digit).unwrap())
        .collect();
    assert!(digits.len().is_multiple_of(2));
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// "Quid pro quo", the salt of RFC 7714, sections 16 and 17.
const SALT: [u8; 12] = *b"Quid pro quo";
const RTP_HEADER: &str = "8040f17b 8041f8d3 5501a0b2";
const CONTROL_CLEAR: &str = "81c8000d 4d617273";
const CONTROL_TEXT: &str = "4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 \
     deadbeef deadbeef deadbeef deadbeef deadbeef";
const CONTROL_INDEX: u32 = 0x5d4;

fn gcm(key_bytes: u8) -> Cipher {
    let key: Vec<u8> = (0..key_bytes).collect();
    Cipher::Gcm(Gcm::new(&key, SALT))
}

#[test]
fn rtp_is_sealed_as_in_rfc_7714_section_16() {
    let cases = [
        (
            16,
            "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf \
             8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        ),
        (
            32,
            "32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 \
             b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        ),
    ];
    for (key_bytes, expected) in cases {
        let sealer = RtpSealer::with_cipher(gcm(key_bytes));
        let mut packet = hex(RTP_HEADER);
        packet.extend_from_slice(b"Gallia est omnis divisa in partes tres");

        sealer.seal(0xf17b, &mut packet, 0, 12);

        assert_eq!(packet[..12], hex(RTP_HEADER));
        assert_eq!(packet[12..], hex(expected));
    }
}

#[test]
fn rtcp_is_sealed_and_opened_as_in_rfc_7714_section_17() {
    let cases = [
        (
            16,
            "63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 \
             86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
        ),
        (
            32,
            "d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658 \
             c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
        ),
    ];
    for (key_bytes, expected) in cases {
        let plain = [hex(CONTROL_CLEAR), hex(CONTROL_TEXT)].concat();
        let mut packet = plain.clone();
        let mut sealer = ControlSealer::with_cipher(gcm(key_bytes), CONTROL_INDEX);
        let mut opener = ControlOpener::with_cipher(gcm(key_bytes));

        sealer.seal(&mut packet, 0).unwrap();

        assert_eq!(packet, [hex(CONTROL_CLEAR), hex(expected)].concat());
        assert_eq!(opener.open(&packet), Ok(&plain[..]));
    }
}

#[test]
fn rtcp_in_the_clear_is_refused_though_rfc_7714_section_17_3_authenticates_it() {
    let packet = hex(&format!(
        "{CONTROL_CLEAR} {CONTROL_TEXT} 841dd968 3dd78ec9 2ae58790 125f62b3 000005d4"
    ));

    let opened = ControlOpener::with_cipher(gcm(16))
        .open(&packet)
        .map(<[u8]>::len);

    assert_eq!(opened, Err(OpenError::Unencrypted));
}

#[test]
fn the_key_stream_is_that_of_rfc_3711_appendix_b_2() {
    let key = hex("2b7e1516 28aed2a6 abf71588 09cf4f3c");
    let salt = hex("f0f1f2f3 f4f5f6f7 f8f9fafb fcfd");
    let cipher = CounterMode::new(&key, &[0; 20], salt.try_into().unwrap());
    let mut stream = vec![0; 0xff02 * 16];

    cipher.apply(0, 0, &mut stream);

    let first = "e03ead09 35c95e80 e166b16d d92b4eb4 d2351316 2b02d0f7 2a43a2fe 4a5f97ab \
                 41e95b3b b0a2e8dd 477901e4 fca894c0";
    let last = "ec8cdf73 98607cb0 f2d21675 ea9ea1e4 362b7c3c 67735163 18a077d7 fc5073ae \
                6a2cc378 7889374f beb4c81b 17ba6c44";
    assert_eq!(stream[..48], hex(first));
    assert_eq!(stream[0xfeff * 16..], hex(last));
}

#[test]
fn session_keys_are_those_of_rfc_3711_appendix_b_3() {
    let master = MasterKey::new(
        Profile::Aes128CmSha1,
        &hex("e1f97a0d 3e018be0 d64fa32c 06de4139"),
        &hex("0ec675ad 498afeeb b6960b3a abe6"),
    );
    let derive = |purpose, len| {
        let mut out = vec![0; len];
        master.derive(Stream::Rtp, purpose, &mut out);
        out
    };

    let key = derive(Purpose::Encryption, 16);
    let salt = derive(Purpose::Salt, 14);
    let mac_key = derive(Purpose::Authentication, 94);

    assert_eq!(key, hex("c61e7a93 744f39ee 10734afe 3ff7a087"));
    assert_eq!(salt, hex("30cbbc08 863d8c85 d49db34a 9ae1"));
    let expected = "cebe321f 6ff7716b 6fd4ab49 af256a15 6d38baa4 8f0a0acf 3c34e235 9e6cdbce \
                    e049646c 43d9327a d175578e f7227098 6371c10c 9a369ac2 f94a8c5f bcdddc25 \
                    6d6e919a 48b610ef 17c2041e 47403576 6b68642c 59bbfc2f 34db60db dfb2";
    assert_eq!(mac_key, hex(expected));
}

#[test]
fn a_control_key_is_another_than_the_one_for_media() {
    // RFC 3711, section 4.3.2: labels 3 to 5, each 3 above that for RTP. Label 3 is the exclusive or of
    // 1 and 2, so it can be checked by a master salt that takes the difference.
    let key = [7; 16];
    let mut salt = [9; 14];
    let control = MasterKey::new(Profile::Aes128CmSha1, &key, &salt);
    salt[7] ^= 3;
    let media = MasterKey::new(Profile::Aes128CmSha1, &key, &salt);

    let (mut a, mut b) = ([0; 16], [0; 16]);
    control.derive(Stream::Control, Purpose::Encryption, &mut a);
    media.derive(Stream::Rtp, Purpose::Encryption, &mut b);

    assert_eq!(a, b);
}

#[test]
fn a_key_for_aes_256_is_derived_with_aes_256() {
    // RFC 7714, section 11: the key stream of the master key, from the salt filled up with zeros.
    let key: Vec<u8> = (0..32).collect();
    let master = MasterKey::new(Profile::Aes256Gcm, &key, &SALT);
    let (mut derived, mut expected) = (vec![0xff; 32], vec![0; 32]);

    master.derive(Stream::Rtp, Purpose::Encryption, &mut derived);

    let mut counter = [0; 16];
    counter[..12].copy_from_slice(&SALT);
    counter_mode(&key)
        .less_safe_encrypt(
            &mut expected,
            aws_lc_rs::cipher::EncryptionContext::Iv128(counter.into()),
        )
        .unwrap();
    assert_eq!(derived, expected);
}

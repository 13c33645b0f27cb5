//! One direction's cipher for one kind of packet: session keys, and the numbers used once.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};
use aws_lc_rs::cipher::{EncryptingKey, EncryptionContext};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::Profile;
use super::keys::{MasterKey, Purpose, Stream, counter_mode};

/// Bytes of the truncated HMAC-SHA1 of RFC 3711.
const MAC_BYTES: usize = Profile::Aes128CmSha1.tag_bytes();
const HMAC_KEY_BYTES: usize = 20;
const GCM_SALT_BYTES: usize = Profile::Aes128Gcm.salt_bytes();
const CM_SALT_BYTES: usize = Profile::Aes128CmSha1.salt_bytes();
const SHORTER: &str = "a packet is much shorter than what one nonce may seal";

/// Session keys, expanded once.
pub(super) enum Cipher {
    /// RFC 7714.
    Gcm(Gcm),
    /// RFC 3711, section 4.1.1 and 4.2.1.
    CounterMode(Box<CounterMode>),
}

impl Cipher {
    /// Derives the session keys for one kind of packet.
    pub(super) fn new(master: &MasterKey, stream: Stream) -> Self {
        let mut key = Zeroizing::new([0; Profile::Aes256Gcm.key_bytes()]);
        let key = &mut key[..master.profile().key_bytes()];
        master.derive(stream, Purpose::Encryption, key);
        let mut mac_key = Zeroizing::new([0; HMAC_KEY_BYTES]);
        let mut salt = [0; CM_SALT_BYTES];
        let salt_bytes = master.profile().salt_bytes();
        master.derive(stream, Purpose::Salt, &mut salt[..salt_bytes]);
        match master.profile() {
            Profile::Aes128CmSha1 => {
                master.derive(stream, Purpose::Authentication, &mut *mac_key);
                Self::CounterMode(Box::new(CounterMode::new(key, &mac_key, salt)))
            }
            Profile::Aes128Gcm | Profile::Aes256Gcm => {
                let salt = std::array::from_fn(|at| salt[at]);
                Self::Gcm(Gcm::new(key, salt))
            }
        }
    }

    /// Bytes that authenticate a packet.
    pub(super) fn tag_bytes(&self) -> usize {
        match self {
            Self::Gcm(_) => Profile::Aes128Gcm.tag_bytes(),
            Self::CounterMode(_) => MAC_BYTES,
        }
    }
}

/// AES-GCM with the salt that makes its nonces.
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: [u8; GCM_SALT_BYTES],
}

impl Gcm {
    pub(super) fn new(key: &[u8], salt: [u8; GCM_SALT_BYTES]) -> Self {
        let algorithm = if key.len() == Profile::Aes256Gcm.key_bytes() {
            &AES_256_GCM
        } else {
            &AES_128_GCM
        };
        let key = UnboundKey::new(algorithm, key).expect("the key has its algorithm's length");
        Self {
            key: LessSafeKey::new(key),
            salt,
        }
    }

    /// The nonce of a packet (RFC 7714, sections 8.1 and 9.1). An SRTCP index, having 31 bits, stands
    /// where the lower bits of an RTP packet's do.
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = self.salt;
        xor(&mut nonce[2..6], &ssrc.to_be_bytes());
        xor(&mut nonce[6..], &index.to_be_bytes()[2..]);
        Nonce::assume_unique_for_key(nonce)
    }

    /// Encrypts `text` in place and gives the tag.
    pub(super) fn seal(&self, ssrc: u32, index: u64, bound: &[u8], text: &mut [u8]) -> Tag {
        self.key
            .seal_in_place_separate_tag(self.nonce(ssrc, index), Aad::from(bound), text)
            .expect(SHORTER)
    }

    /// Decrypts `text` in place; `false` if the tag says that it isn't what was sealed.
    #[must_use]
    pub(super) fn open(
        &self,
        ssrc: u32,
        index: u64,
        bound: &[u8],
        text: &mut [u8],
        tag: &[u8],
    ) -> bool {
        self.key
            .open_in_place_separate_tag(self.nonce(ssrc, index), Aad::from(bound), tag, text)
            .is_ok()
    }
}

/// AES in counter mode, then HMAC-SHA1.
pub(super) struct CounterMode {
    key: EncryptingKey,
    mac_key: hmac::Key,
    salt: [u8; CM_SALT_BYTES],
}

impl CounterMode {
    pub(super) fn new(
        key: &[u8],
        mac_key: &[u8; HMAC_KEY_BYTES],
        salt: [u8; CM_SALT_BYTES],
    ) -> Self {
        Self {
            key: counter_mode(key),
            mac_key: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, mac_key),
            salt,
        }
    }

    /// Encrypts or decrypts `text` in place (RFC 3711, section 4.1.1).
    pub(super) fn apply(&self, ssrc: u32, index: u64, text: &mut [u8]) {
        let mut counter = [0; 16];
        counter[..CM_SALT_BYTES].copy_from_slice(&self.salt);
        xor(&mut counter[4..8], &ssrc.to_be_bytes());
        xor(&mut counter[8..14], &index.to_be_bytes()[2..]);
        self.key
            .less_safe_encrypt(text, EncryptionContext::Iv128(FixedLength::from(counter)))
            .expect("AES in counter mode takes any length");
    }

    /// Authenticates `packet` and what follows it without being sent.
    pub(super) fn mac(&self, packet: &[u8], unsent: &[u8]) -> [u8; MAC_BYTES] {
        let mut context = hmac::Context::with_key(&self.mac_key);
        context.update(packet);
        context.update(unsent);
        let mac = context.sign();
        std::array::from_fn(|at| mac.as_ref()[at])
    }

    /// Tells whether `mac` belongs to `packet`, in a time that says nothing.
    #[must_use]
    pub(super) fn is_authentic(&self, packet: &[u8], mac: &[u8]) -> bool {
        verify_slices_are_equal(&self.mac(packet, &[]), mac).is_ok()
    }
}

fn xor(target: &mut [u8], with: &[u8]) {
    for (target, with) in target.iter_mut().zip(with) {
        *target ^= with;
    }
}

//! Master keys from the DTLS handshake, and the session keys that follow from them.

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use str0m::crypto::dtls::SrtpProfile;
use zeroize::Zeroizing;

const KEY_BYTES_MAX: usize = 32;
const SALT_BYTES_MAX: usize = 14;

/// A negotiated SRTP protection profile (RFC 5764, section 4.1.2; RFC 7714, section 14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// `SRTP_AES128_CM_HMAC_SHA1_80`.
    Aes128CmSha1,
    /// `SRTP_AEAD_AES_128_GCM`.
    Aes128Gcm,
    /// `SRTP_AEAD_AES_256_GCM`.
    Aes256Gcm,
}

impl Profile {
    /// Gives what DTLS calls it, if it is known here.
    pub(crate) fn of_handshake(profile: SrtpProfile) -> Option<Self> {
        match profile {
            SrtpProfile::AES128_CM_SHA1_80 => Some(Self::Aes128CmSha1),
            SrtpProfile::AEAD_AES_128_GCM => Some(Self::Aes128Gcm),
            SrtpProfile::AEAD_AES_256_GCM => Some(Self::Aes256Gcm),
            _ => None,
        }
    }

    /// Bytes of a master key and of the encryption keys derived from it.
    pub(super) const fn key_bytes(self) -> usize {
        match self {
            Self::Aes128CmSha1 | Self::Aes128Gcm => 16,
            Self::Aes256Gcm => 32,
        }
    }

    /// Bytes of a salt.
    pub(super) const fn salt_bytes(self) -> usize {
        match self {
            Self::Aes128CmSha1 => 14,
            Self::Aes128Gcm | Self::Aes256Gcm => 12,
        }
    }

    /// Bytes that authenticate a packet.
    pub(crate) const fn tag_bytes(self) -> usize {
        match self {
            Self::Aes128CmSha1 => 10,
            Self::Aes128Gcm | Self::Aes256Gcm => 16,
        }
    }
}

/// What a session key is for; the labels of RFC 3711, section 4.3.2. A control key's is 3 higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Encryption = 0,
    Authentication = 1,
    Salt = 2,
}

/// Which packets a session key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Rtp = 0,
    Control = 3,
}

/// The master key and salt of one direction.
pub(super) struct MasterKey {
    profile: Profile,
    key: Zeroizing<[u8; KEY_BYTES_MAX]>,
    salt: Zeroizing<[u8; SALT_BYTES_MAX]>,
}

impl MasterKey {
    /// `key` and `salt` must have the profile's lengths.
    pub(super) fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Self {
        let mut own = Self {
            profile,
            key: Zeroizing::default(),
            salt: Zeroizing::default(),
        };
        own.key[..profile.key_bytes()].copy_from_slice(key);
        own.salt[..profile.salt_bytes()].copy_from_slice(salt);
        own
    }

    pub(super) fn profile(&self) -> Profile {
        self.profile
    }

    /// Fills `out` with the session key for a purpose: the key stream of AES in counter mode (RFC 3711,
    /// section 4.3; RFC 7714, section 11). We agree on no key derivation rate, so it is 0.
    pub(super) fn derive(&self, stream: Stream, purpose: Purpose, out: &mut [u8]) {
        // A salt of 96 bits is filled up with zeros on its right, to 112.
        let mut counter = [0; 16];
        counter[..SALT_BYTES_MAX].copy_from_slice(&*self.salt);
        counter[7] ^= stream as u8 + purpose as u8;
        out.fill(0);
        counter_mode(&self.key[..self.profile.key_bytes()])
            .less_safe_encrypt(out, EncryptionContext::Iv128(FixedLength::from(counter)))
            .expect("AES in counter mode takes any length");
    }
}

/// AES in counter mode with a key of 16 or 32 bytes.
pub(super) fn counter_mode(key: &[u8]) -> EncryptingKey {
    let algorithm = if key.len() == KEY_BYTES_MAX {
        &AES_256
    } else {
        &AES_128
    };
    UnboundCipherKey::new(algorithm, key)
        .and_then(EncryptingKey::ctr)
        .expect("the key has the length of its algorithm")
}

/// The keys of one DTLS handshake. Neither printed nor compared; erased when dropped.
pub(crate) struct MasterKeys {
    /// What we seal with.
    pub(super) local: MasterKey,
    /// What the client seals with.
    pub(super) remote: MasterKey,
}

impl MasterKeys {
    /// Splits exported keying material (RFC 5764, section 4.2): the keys of client and server, then
    /// their salts. `None` if it does not have the profile's length.
    pub(crate) fn of_material(profile: Profile, material: &[u8], is_client: bool) -> Option<Self> {
        let (keys, salts) = material.split_at_checked(2 * profile.key_bytes())?;
        if salts.len() != 2 * profile.salt_bytes() {
            return None;
        }
        let (client_key, server_key) = keys.split_at(profile.key_bytes());
        let (client_salt, server_salt) = salts.split_at(profile.salt_bytes());
        let client = MasterKey::new(profile, client_key, client_salt);
        let server = MasterKey::new(profile, server_key, server_salt);
        let (local, remote) = if is_client {
            (client, server)
        } else {
            (server, client)
        };
        Some(Self { local, remote })
    }

    /// Gives the profile that was negotiated.
    pub(crate) fn profile(&self) -> Profile {
        self.local.profile
    }
}

impl std::fmt::Debug for MasterKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "MasterKeys({:?})", self.profile())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_writes_with_the_first_key_and_salt_and_the_server_with_the_second() {
        let profile = Profile::Aes128Gcm;
        let material: Vec<u8> = (0..56).collect();

        let of = |is_client| MasterKeys::of_material(profile, &material, is_client).unwrap();
        let (client, server) = (of(true), of(false));

        assert_eq!(client.local.key[..16], material[..16]);
        assert_eq!(client.remote.key[..16], material[16..32]);
        assert_eq!(client.local.salt[..12], material[32..44]);
        assert_eq!(client.remote.salt[..12], material[44..]);
        assert_eq!(server.local.key, client.remote.key);
        assert_eq!(server.remote.salt, client.local.salt);
    }

    #[test]
    fn material_of_another_length_is_refused() {
        for len in [0, 31, 55, 57, 60] {
            assert!(MasterKeys::of_material(Profile::Aes128Gcm, &vec![7; len], true).is_none());
        }
    }

    #[test]
    fn printing_keys_shows_the_profile_only() {
        let keys = MasterKeys::of_material(Profile::Aes256Gcm, &[0xab; 88], true).unwrap();

        assert_eq!(format!("{keys:?}"), "MasterKeys(Aes256Gcm)");
    }
}

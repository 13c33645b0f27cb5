//! Both ends of SRTCP against each other, and against those who change packets.

use proptest::prelude::*;

use super::cipher::Cipher;
use super::control::OpenError;
use super::keys::Stream;
use super::{ControlOpener, ControlSealer, KeyExhausted, MasterKeys, Profile};

const PROFILES: [Profile; 3] = [
    Profile::Aes128CmSha1,
    Profile::Aes128Gcm,
    Profile::Aes256Gcm,
];

fn keys(profile: Profile, is_client: bool) -> MasterKeys {
    let len = 2 * (profile.key_bytes() + profile.salt_bytes());
    let material: Vec<u8> = (1..=u8::try_from(len).unwrap()).collect();
    MasterKeys::of_material(profile, &material, is_client).unwrap()
}

fn ends(profile: Profile) -> (ControlSealer, ControlOpener) {
    (
        ControlSealer::new(&keys(profile, false)),
        ControlOpener::new(&keys(profile, true)),
    )
}

fn profile() -> impl Strategy<Value = Profile> {
    proptest::sample::select(PROFILES.to_vec())
}

fn compound() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 8..200)
}

proptest! {
    #[test]
    fn what_is_sealed_opens_once(
        profile in profile(),
        before in proptest::collection::vec(any::<u8>(), 0..9),
        compound in compound(),
    ) {
        let (mut sealer, mut opener) = ends(profile);
        let mut arena = [before.clone(), compound.clone()].concat();

        sealer.seal(&mut arena, before.len()).unwrap();

        let (kept, sealed) = arena.split_at(before.len());
        prop_assert_eq!(kept, &before[..]);
        prop_assert_eq!(&sealed[..8], &compound[..8]);
        prop_assert_eq!(opener.open(sealed), Ok(&compound[..]));
        prop_assert_eq!(opener.open(sealed), Err(OpenError::Replayed));
    }

    #[test]
    fn a_changed_bit_is_refused_and_what_was_sealed_still_opens(
        profile in profile(),
        compound in compound(),
        bit in any::<proptest::sample::Index>(),
    ) {
        let (mut sealer, mut opener) = ends(profile);
        let mut sealed = compound.clone();
        sealer.seal(&mut sealed, 0).unwrap();
        let mut changed = sealed.clone();
        let bit = bit.index(changed.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);

        let error = opener.open(&changed).unwrap_err();

        prop_assert!(matches!(error, OpenError::Forged | OpenError::Unencrypted));
        prop_assert_eq!(opener.open(&sealed), Ok(&compound[..]));
    }

    #[test]
    fn any_bytes_are_refused(
        profile in profile(),
        packet in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let (_, mut opener) = ends(profile);

        prop_assert!(opener.open(&packet).is_err());
    }
}

#[test]
fn packets_may_come_out_of_order_but_not_too_late() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = ends(profile);
        let packets: Vec<Vec<u8>> = (0..200)
            .map(|_| {
                let mut packet = vec![0x80, 201, 0, 1, 0, 0, 0, 7];
                sealer.seal(&mut packet, 0).unwrap();
                packet
            })
            .collect();

        assert!(opener.open(&packets[150]).is_ok());
        assert!(opener.open(&packets[149]).is_ok());
        assert!(opener.open(&packets[23]).is_ok());
        assert_eq!(opener.open(&packets[22]), Err(OpenError::Replayed));
        assert!(opener.open(&packets[199]).is_ok());
    }
}

#[test]
fn a_packet_of_our_own_does_not_open_when_it_is_sent_back() {
    for profile in PROFILES {
        let own = keys(profile, false);
        let mut packet = vec![0x80, 201, 0, 1, 0, 0, 0, 7];
        ControlSealer::new(&own).seal(&mut packet, 0).unwrap();

        let opened = ControlOpener::new(&own).open(&packet).map(<[u8]>::len);

        assert_eq!(opened, Err(OpenError::Forged));
    }
}

#[test]
fn no_index_is_used_twice() {
    let keys = keys(Profile::Aes128Gcm, false);
    let cipher = Cipher::new(&keys.local, Stream::Control);
    let mut sealer = ControlSealer::with_cipher(cipher, (1 << 31) - 1);
    let packet = vec![0x80, 201, 0, 1, 0, 0, 0, 7];
    let (mut last, mut beyond) = (packet.clone(), packet.clone());

    assert_eq!(sealer.seal(&mut last, 0), Ok(()));
    assert_eq!(sealer.seal(&mut beyond, 0), Err(KeyExhausted));
    assert_eq!(sealer.seal(&mut beyond, 0), Err(KeyExhausted));

    assert_eq!(last[last.len() - 4..], [0xff; 4]);
    assert_eq!(beyond, packet);
}

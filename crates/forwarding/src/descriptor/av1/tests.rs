use super::*;
use crate::layer::Layer;
use proptest::prelude::*;

/// A keyframe's descriptor with the structure L1T3 as a browser sends it: frame 303 of 5 templates.
const L1T3_KEYFRAME: [u8; 16] = [
    0x80, 0x01, 0x2f, 0x80, 0x02, 0x14, 0xea, 0xa8, 0x60, 0x41, 0x4d, 0x14, 0x10, 0x20, 0x84, 0x26,
];

fn layer_steps() -> impl Strategy<Value = Vec<Layer>> {
    proptest::collection::vec(0_u8..3, 0..20).prop_map(|steps| {
        let mut layers = vec![Layer::default()];
        let mut layer = Layer::default();
        for step in steps {
            match step {
                1 if layer.temporal < TEMPORAL_MAX => layer.temporal += 1,
                2 if layer.spatial < SPATIAL_MAX => {
                    layer.spatial += 1;
                    layer.temporal = 0;
                }
                _ => {}
            }
            layers.push(layer);
        }
        layers
    })
}

fn indications(seed: u64, targets: u8) -> Indications {
    let mut indications = Indications::default();
    for target in 0..targets {
        let indication = match seed >> (2 * target) & 3 {
            0 => Indication::NotPresent,
            1 => Indication::Discardable,
            2 => Indication::Switch,
            _ => Indication::Required,
        };
        indications.set(target, indication);
    }
    indications
}

fn references(diffs: &[u16]) -> FrameReferences {
    let mut references = FrameReferences::default();
    for &diff in diffs {
        references.push(diff).expect("8 at most");
    }
    references
}

prop_compose! {
    fn structures()(
        layers in layer_steps(),
        template_id_offset in 0_u8..64,
        targets in 1_u8..=32,
        chains_seed: u8,
        seeds in proptest::collection::vec(
            (any::<u64>(), proptest::collection::vec(1_u16..=16, 0..=8), any::<[u8; 32]>()),
            21,
        ),
        protected_seed: [u8; 32],
        sizes in proptest::option::of(any::<[(u16, u16); 4]>()),
    ) -> FrameStructure {
        let chains = chains_seed % (targets + 1);
        let spatial_layers = usize::from(layers[layers.len() - 1].spatial) + 1;
        let templates = layers.iter().zip(&seeds).map(|(&layer, (seed, diffs, chain_seed))| {
            let mut chain_diffs = [0; TARGETS_MAX];
            for (diff, seed) in chain_diffs.iter_mut().zip(chain_seed).take(usize::from(chains)) {
                *diff = seed % 16;
            }
            Template {
                layer,
                indications: indications(*seed, targets),
                references: references(diffs),
                chain_diffs,
            }
        }).collect();
        let mut protected_by = [0; TARGETS_MAX];
        if chains > 0 {
            for (chain, seed) in protected_by.iter_mut().zip(protected_seed).take(usize::from(targets)) {
                *chain = seed % chains;
            }
        }
        FrameStructure {
            template_id_offset,
            targets,
            templates,
            chains,
            protected_by,
            resolutions_minus_one: sizes
                .map(|sizes| sizes[..spatial_layers].to_vec())
                .unwrap_or_default(),
        }
    }
}

prop_compose! {
    fn descriptors()(
        structure in structures(),
        template in any::<prop::sample::Index>(),
        flags: [bool; 3],
        frame_number: u16,
        active in proptest::option::of(any::<u32>()),
        custom in proptest::option::of(any::<u64>()),
        diffs in proptest::option::of(proptest::collection::vec(1_u16..=4096, 0..=8)),
        chain_seed in proptest::option::of(any::<[u8; 32]>()),
    ) -> (FrameStructure, DependencyDescriptor) {
        let index = u8::try_from(template.index(structure.templates.len())).unwrap();
        let mask = u32::MAX >> (32 - u32::from(structure.targets));
        let descriptor = DependencyDescriptor {
            start_of_frame: flags[0],
            end_of_frame: flags[1],
            template_id: (structure.template_id_offset + index) % 64,
            frame_number,
            structure: flags[2].then(|| Box::new(structure.clone())),
            active_targets: active.map(|active| active & mask),
            indications: custom.map(|seed| indications(seed, structure.targets)),
            references: diffs.map(|diffs| references(&diffs)),
            chain_diffs: chain_seed.map(|mut seed| {
                seed[usize::from(structure.chains)..].fill(0);
                seed
            }),
        };
        (structure, descriptor)
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read((structure, descriptor) in descriptors()) {
        let mut bytes = [0xff; 2048];
        let len = descriptor.write(Some(&structure), &mut bytes).unwrap();

        let (read, _) = DependencyDescriptor::read(&bytes[..len], Some(&structure)).unwrap();

        prop_assert_eq!(read, descriptor);
    }

    #[test]
    fn new_active_targets_change_nothing_else(
        (structure, descriptor) in descriptors(),
        active: u32,
    ) {
        let mut keyframe = descriptor.clone();
        keyframe.structure = Some(Box::new(structure.clone()));
        let mut reader = DependencyDescriptorReader::default();
        let mut bytes = [0xff; 2048];
        let len = keyframe.write(None, &mut bytes).unwrap();
        reader.read(&bytes[..len]).unwrap();
        let len = descriptor.write(Some(&structure), &mut bytes).unwrap();
        let frame = reader.read(&bytes[..len]).unwrap();
        let active = active & frame.targets.all();
        let mut rewritten = [0xff; 2048];

        let rewritten_len = frame
            .write_active_targets(&bytes[..len], active, &mut rewritten)
            .unwrap();

        let (read, _) =
            DependencyDescriptor::read(&rewritten[..rewritten_len], Some(&structure)).unwrap();
        let expected = DependencyDescriptor {
            active_targets: Some(active),
            ..descriptor
        };
        prop_assert_eq!(read, expected);
        prop_assert!(rewritten_len <= len + 5);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..8),
    ) {
        let mut reader = DependencyDescriptorReader::default();
        reader.read(&L1T3_KEYFRAME).unwrap();
        for bytes in packets {
            if let Ok(frame) = reader.read(&bytes) {
                let mut out = [0; 80];
                frame.write_active_targets(&bytes, 1, &mut out).unwrap();
            }
        }
    }
}

#[test]
fn a_browser_keyframe_is_read() {
    let mut reader = DependencyDescriptorReader::default();

    let frame = reader.read(&L1T3_KEYFRAME).unwrap();

    assert!(frame.keyframe && frame.start && !frame.end);
    assert_eq!(frame.number, 303);
    assert_eq!(frame.active_targets, 0b111);
    let layers: Vec<(u8, u8)> = frame
        .targets
        .layers()
        .iter()
        .map(|layer| (layer.spatial, layer.temporal))
        .collect();
    assert_eq!(layers, [(0, 0), (0, 1), (0, 2)]);
    let structure = reader.structure().unwrap();
    assert_eq!(structure.templates.len(), 5);
    assert_eq!(structure.chains, 1);
    let references: Vec<&[u16]> = structure
        .templates
        .iter()
        .map(|template| template.references.as_slice())
        .collect();
    assert_eq!(references, [&[][..], &[4], &[2], &[1], &[1]]);
}

#[test]
fn a_frame_takes_what_it_does_not_tell_from_its_template() {
    let mut reader = DependencyDescriptorReader::default();
    reader.read(&L1T3_KEYFRAME).unwrap();

    let frame = reader.read(&[0xc3, 0x01, 0x30]).unwrap();

    assert!(frame.start && frame.end && !frame.keyframe);
    assert_eq!(frame.number, 304);
    assert_eq!(
        frame.layer,
        Layer {
            spatial: 0,
            temporal: 2
        }
    );
    assert!(frame.is_part_of(2) && !frame.is_part_of(1));
}

#[test]
fn a_frame_before_any_keyframe_is_refused() {
    let mut reader = DependencyDescriptorReader::default();

    assert_eq!(
        reader.read(&[0xc3, 0x01, 0x30]),
        Err(DescriptorError::UnknownStructure)
    );
    reader.read(&L1T3_KEYFRAME).unwrap();
    assert_eq!(
        reader.read(&[0xc5, 0x01, 0x30]),
        Err(DescriptorError::UnknownStructure)
    );
}

#[test]
fn a_keyframe_that_comes_late_does_not_bring_its_structure_back() {
    let mut reader = DependencyDescriptorReader::default();
    let mut buffer = [0; 64];
    reader.read(&L1T3_KEYFRAME).unwrap();
    let mut next = reader.structure().unwrap().clone();
    next.template_id_offset = 5;
    let keyframe = DependencyDescriptor {
        start_of_frame: true,
        end_of_frame: false,
        template_id: 5,
        frame_number: 310,
        structure: Some(Box::new(next)),
        active_targets: None,
        indications: None,
        references: None,
        chain_diffs: None,
    };
    let len = keyframe.write(None, &mut buffer).unwrap();
    reader.read(&buffer[..len]).unwrap();

    let late = reader.read(&L1T3_KEYFRAME).unwrap();

    assert_eq!(late.number, 303);
    assert_eq!(reader.structure().unwrap().template_id_offset, 5);
    assert!(reader.read(&[0xc6, 0x01, 0x37]).is_ok());
}

#[test]
fn a_mask_has_a_bit_for_every_target() {
    let mut reader = DependencyDescriptorReader::default();
    let frame = reader.read(&L1T3_KEYFRAME).unwrap();

    assert_eq!(frame.targets.all(), 0b111);
    assert_eq!(frame.indications.of(200), Indication::NotPresent);
}

#[test]
fn the_shortest_descriptor_grows_by_its_mask() {
    let mut reader = DependencyDescriptorReader::default();
    reader.read(&L1T3_KEYFRAME).unwrap();
    let original = [0xc3, 0x01, 0x30];
    let frame = reader.read(&original).unwrap();
    let mut out = [0; 8];

    let len = frame
        .write_active_targets(&original, 0b001, &mut out)
        .unwrap();

    // Flags 01000, mask 001.
    assert_eq!(out[..len], [0xc3, 0x01, 0x30, 0b0100_0001]);
}

#[test]
fn without_a_descriptor_the_aggregation_header_tells_a_keyframe() {
    assert!(Av1Frame::without_descriptor(&[0x18, 0], false).keyframe);
    assert!(!Av1Frame::without_descriptor(&[0x10, 0], true).keyframe);
    assert!(!Av1Frame::without_descriptor(&[], true).keyframe);
}

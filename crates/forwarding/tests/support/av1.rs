//! An AV1 track with dependency descriptors.

use forwarding::descriptor::av1::{
    DependencyDescriptor, FrameReferences, FrameStructure, Indication, Indications, TARGETS_MAX,
    Template,
};
use forwarding::{DependencyDescriptorReader, Descriptor, Layer, PacketView};

use super::{FRAME_TICKS, Sent};

/// Temporal layers of a group of four pictures.
const TEMPORAL: [u8; 4] = [0, 2, 1, 2];
const SPATIAL_LAYERS: u8 = 3;
/// Nine decode targets: target `3 * spatial + temporal`.
const TARGETS: u8 = 9;

/// An AV1 track in L3T3 or `L3T3_KEY`.
#[derive(Debug)]
pub(crate) struct Av1 {
    sequence: u64,
    timestamp: u32,
    frame_number: u16,
    at: usize,
    picture: u64,
    key_only: bool,
    reader: DependencyDescriptorReader,
    structure: FrameStructure,
    descriptors: Vec<Vec<u8>>,
}

/// Gives the frames in a picture before which a frame refers to, per place in the group of four.
fn temporal_distance(at: usize) -> u16 {
    match at % 4 {
        0 => 4,
        2 => 2,
        _ => 1,
    }
}

fn indications(layer: Layer, keyframe: bool, key_only: bool) -> Indications {
    let mut indications = Indications::default();
    for target in 0..TARGETS {
        let (spatial, temporal) = (target / 3, target % 3);
        let is_part = layer.temporal <= temporal
            && if key_only && !keyframe {
                layer.spatial == spatial
            } else {
                layer.spatial <= spatial
            };
        let indication = if !is_part {
            Indication::NotPresent
        } else if keyframe || layer.spatial == spatial {
            // If this frame can be decoded, so can what follows in its own spatial layer.
            if layer.temporal == 2 {
                Indication::Discardable
            } else {
                Indication::Switch
            }
        } else {
            Indication::Required
        };
        indications.set(target, indication);
    }
    indications
}

impl Av1 {
    pub(crate) fn new(key_only: bool) -> Self {
        let mut templates = Vec::new();
        for spatial in 0..SPATIAL_LAYERS {
            for temporal in 0..3 {
                let layer = Layer { spatial, temporal };
                templates.push(Template {
                    layer,
                    indications: indications(layer, false, key_only),
                    references: FrameReferences::default(),
                    chain_diffs: [0; TARGETS_MAX],
                });
            }
        }
        // Targets have to be told by a template that belongs to them.
        if key_only {
            for template in &mut templates {
                template.indications =
                    indications(template.layer, template.layer.temporal == 0, key_only);
            }
        }
        Self {
            sequence: 65_000,
            timestamp: 77,
            frame_number: u16::MAX - 20,
            at: 0,
            picture: 0,
            key_only,
            reader: DependencyDescriptorReader::default(),
            structure: FrameStructure {
                template_id_offset: 0,
                targets: TARGETS,
                templates,
                chains: 0,
                protected_by: [0; TARGETS_MAX],
                resolutions_minus_one: Vec::new(),
            },
            descriptors: Vec::new(),
        }
    }

    /// Gives the descriptors of the last picture's packets.
    pub(crate) fn descriptors(&self) -> &[Vec<u8>] {
        &self.descriptors
    }

    /// Makes the next picture, `packets` packets for each spatial layer.
    pub(crate) fn picture(&mut self, keyframe: bool, packets: u64) -> Vec<Sent> {
        if keyframe {
            self.at = 0;
        }
        let place = self.at;
        let temporal = TEMPORAL[place % 4];
        self.at += 1;
        self.picture += 1;
        self.timestamp = self.timestamp.wrapping_add(FRAME_TICKS);
        self.descriptors.clear();
        let mut sent = Vec::new();
        for spatial in 0..SPATIAL_LAYERS {
            self.frame_number = self.frame_number.wrapping_add(1);
            let mut references = FrameReferences::default();
            if !keyframe {
                let pictures = temporal_distance(place);
                references
                    .push(pictures * u16::from(SPATIAL_LAYERS))
                    .unwrap();
            }
            if spatial > 0 && (keyframe || !self.key_only) {
                references.push(1).unwrap();
            }
            for at in 0..packets {
                let layer = Layer { spatial, temporal };
                let descriptor = DependencyDescriptor {
                    start_of_frame: at == 0,
                    end_of_frame: at + 1 == packets,
                    template_id: spatial * 3 + temporal,
                    frame_number: self.frame_number,
                    structure: (keyframe && spatial == 0 && at == 0)
                        .then(|| Box::new(self.structure.clone())),
                    active_targets: None,
                    indications: Some(indications(layer, keyframe, self.key_only)),
                    references: Some(references),
                    chain_diffs: None,
                };
                sent.push(self.packet(
                    &descriptor,
                    spatial + 1 == SPATIAL_LAYERS && at + 1 == packets,
                    keyframe,
                ));
            }
        }
        sent
    }

    fn packet(&mut self, descriptor: &DependencyDescriptor, marker: bool, keyframe: bool) -> Sent {
        let mut buffer = [0; 256];
        let len = descriptor
            .write(Some(&self.structure), &mut buffer)
            .unwrap();
        self.descriptors.push(buffer[..len].to_vec());
        self.sequence += 1;
        Sent {
            view: PacketView {
                encoding: 0,
                sequence: self.sequence,
                timestamp: self.timestamp,
                marker,
                payload_bytes: 1_000,
                // Before the first keyframe nothing is known of the templates.
                descriptor: self
                    .reader
                    .read(&buffer[..len])
                    .map_or(Descriptor::Unreadable, Descriptor::Av1),
            },
            picture: self.picture,
            keyframe,
        }
    }
}

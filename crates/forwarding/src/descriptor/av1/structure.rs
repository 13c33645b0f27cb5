//! The template structure of a coded video sequence.

use super::super::bits::{BitReader, BitWriter};
use super::{
    DescriptorError, FrameReferences, Indication, Indications, SPATIAL_MAX, TARGETS_MAX,
    TEMPLATES_MAX, TEMPORAL_MAX, WriteDescriptorError,
};
use crate::layer::Layer;

const SAME_LAYER: u8 = 0;
const NEXT_TEMPORAL: u8 = 1;
const NEXT_SPATIAL: u8 = 2;
const NO_MORE: u8 = 3;

/// What frames of one kind have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// Spatial and temporal layer.
    pub layer: Layer,
    /// Relation to each decode target.
    pub indications: Indications,
    /// Distances to the frames referred to, 1 to 16.
    pub references: FrameReferences,
    /// Distance to the previous frame of each chain, 0 to 15; zero beyond the last chain.
    pub chain_diffs: [u8; TARGETS_MAX],
}

/// The templates and decode targets of a coded video sequence (`template_dependency_structure`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameStructure {
    /// Id of the first template, 0 to 63.
    pub template_id_offset: u8,
    /// Number of decode targets, 1 to 32.
    pub targets: u8,
    /// Templates in the order of their layers, 1 to 64.
    pub templates: Vec<Template>,
    /// Number of chains, 0 to `targets`.
    pub chains: u8,
    /// Which chain protects each target. Zero beyond the last target, and everywhere if there are no
    /// chains.
    pub protected_by: [u8; TARGETS_MAX],
    /// Largest width and height in pixels less one, per spatial layer; empty: not told.
    pub resolutions_minus_one: Vec<(u16, u16)>,
}

impl FrameStructure {
    /// Gives the template of an id.
    #[must_use]
    pub fn template(&self, id: u8) -> Option<&Template> {
        // Ids are numbers modulo 64.
        let index = id.wrapping_sub(self.template_id_offset) & 0x3f;
        self.templates.get(usize::from(index))
    }

    /// Gives the highest layer of each decode target: what one gets by choosing it.
    #[must_use]
    pub fn target_layers(&self) -> [Layer; TARGETS_MAX] {
        let mut layers = [Layer::default(); TARGETS_MAX];
        for (target, layer) in (0_u8..).zip(layers.iter_mut()) {
            for template in &self.templates {
                if template.indications.of(target) != Indication::NotPresent {
                    layer.spatial = layer.spatial.max(template.layer.spatial);
                    layer.temporal = layer.temporal.max(template.layer.temporal);
                }
            }
        }
        layers
    }

    fn spatial_layers(&self) -> usize {
        self.templates
            .last()
            .map_or(1, |template| usize::from(template.layer.spatial) + 1)
    }

    pub(super) fn read(reader: &mut BitReader<'_>) -> Result<Self, DescriptorError> {
        let template_id_offset = reader.small(6)?;
        let targets = reader.small(5)? + 1;
        let mut templates = read_layers(reader)?;
        for template in &mut templates {
            template.indications = read_indications(reader, targets)?;
        }
        for template in &mut templates {
            while reader.bit()? {
                template.references.push(reader.medium(4)? + 1)?;
            }
        }
        let mut protected_by = [0; TARGETS_MAX];
        let chains = read_non_symmetric(reader, targets + 1)?;
        if chains > 0 {
            for chain in protected_by.iter_mut().take(usize::from(targets)) {
                *chain = read_non_symmetric(reader, chains)?;
            }
            for template in &mut templates {
                for diff in template.chain_diffs.iter_mut().take(usize::from(chains)) {
                    *diff = reader.small(4)?;
                }
            }
        }
        let mut structure = Self {
            template_id_offset,
            targets,
            templates,
            chains,
            protected_by,
            resolutions_minus_one: Vec::new(),
        };
        if reader.bit()? {
            for _ in 0..structure.spatial_layers() {
                let size = (reader.medium(16)?, reader.medium(16)?);
                structure.resolutions_minus_one.push(size);
            }
        }
        Ok(structure)
    }

    pub(super) fn write(&self, writer: &mut BitWriter<'_>) -> Result<(), WriteDescriptorError> {
        self.check()?;
        writer.bits(u32::from(self.template_id_offset), 6)?;
        writer.bits(u32::from(self.targets - 1), 5)?;
        self.write_layers(writer)?;
        for template in &self.templates {
            write_indications(writer, template.indications, self.targets)?;
        }
        for template in &self.templates {
            for &diff in template.references.as_slice() {
                writer.bit(true)?;
                writer.bits(u32::from(diff - 1), 4)?;
            }
            writer.bit(false)?;
        }
        writer.non_symmetric(u32::from(self.chains), u32::from(self.targets) + 1)?;
        if self.chains > 0 {
            for &chain in &self.protected_by[..usize::from(self.targets)] {
                writer.non_symmetric(u32::from(chain), u32::from(self.chains))?;
            }
            for template in &self.templates {
                for &diff in &template.chain_diffs[..usize::from(self.chains)] {
                    writer.bits(u32::from(diff), 4)?;
                }
            }
        }
        writer.bit(!self.resolutions_minus_one.is_empty())?;
        for &(width, height) in &self.resolutions_minus_one {
            writer.bits(u32::from(width), 16)?;
            writer.bits(u32::from(height), 16)?;
        }
        Ok(())
    }

    fn write_layers(&self, writer: &mut BitWriter<'_>) -> Result<(), WriteDescriptorError> {
        for pair in self.templates.windows(2) {
            let (from, to) = (pair[0].layer, pair[1].layer);
            let step = if to == from {
                SAME_LAYER
            } else if to.spatial == from.spatial && to.temporal == from.temporal + 1 {
                NEXT_TEMPORAL
            } else if to.spatial == from.spatial + 1 && to.temporal == 0 {
                NEXT_SPATIAL
            } else {
                return Err(WriteDescriptorError::Unrepresentable);
            };
            writer.bits(u32::from(step), 2)?;
        }
        writer.bits(u32::from(NO_MORE), 2)
    }

    fn check(&self) -> Result<(), WriteDescriptorError> {
        let targets = usize::from(self.targets);
        let first_is_lowest = self
            .templates
            .first()
            .is_some_and(|first| first.layer == Layer::default());
        let layers_fit = self.templates.iter().all(|template| {
            template.layer.spatial <= SPATIAL_MAX
                && template.layer.temporal <= TEMPORAL_MAX
                && template.chain_diffs.iter().all(|&diff| diff < 16)
                && template
                    .references
                    .as_slice()
                    .iter()
                    .all(|diff| (1..=16).contains(diff))
        });
        let representable = self.template_id_offset < 64
            && (1..=TARGETS_MAX).contains(&targets)
            && self.templates.len() <= TEMPLATES_MAX
            && first_is_lowest
            && layers_fit
            && self.chains <= self.targets
            && self
                .protected_by
                .iter()
                .all(|&chain| chain < self.chains.max(1))
            && (self.resolutions_minus_one.is_empty()
                || self.resolutions_minus_one.len() == self.spatial_layers());
        if representable {
            Ok(())
        } else {
            Err(WriteDescriptorError::Unrepresentable)
        }
    }
}

fn read_layers(reader: &mut BitReader<'_>) -> Result<Vec<Template>, DescriptorError> {
    let mut templates = Vec::new();
    let mut layer = Layer::default();
    loop {
        if templates.len() == TEMPLATES_MAX {
            return Err(DescriptorError::TooMany {
                what: "templates",
                max: TEMPLATES_MAX,
            });
        }
        templates.push(Template {
            layer,
            indications: Indications::default(),
            references: FrameReferences::default(),
            chain_diffs: [0; TARGETS_MAX],
        });
        match reader.small(2)? {
            SAME_LAYER => {}
            NEXT_TEMPORAL => layer.temporal += 1,
            NEXT_SPATIAL => {
                layer.temporal = 0;
                layer.spatial += 1;
            }
            _ => return Ok(templates),
        }
        if layer.spatial > SPATIAL_MAX || layer.temporal > TEMPORAL_MAX {
            return Err(DescriptorError::Malformed);
        }
    }
}

/// Reads a number below `values`.
fn read_non_symmetric(reader: &mut BitReader<'_>, values: u8) -> Result<u8, DescriptorError> {
    u8::try_from(reader.non_symmetric(u32::from(values))?).map_err(|_| DescriptorError::Malformed)
}

pub(super) fn read_indications(
    reader: &mut BitReader<'_>,
    targets: u8,
) -> Result<Indications, DescriptorError> {
    let mut indications = Indications::default();
    for target in 0..targets {
        let indication = match reader.bits(2)? {
            0 => Indication::NotPresent,
            1 => Indication::Discardable,
            2 => Indication::Switch,
            _ => Indication::Required,
        };
        indications.set(target, indication);
    }
    Ok(indications)
}

pub(super) fn write_indications(
    writer: &mut BitWriter<'_>,
    indications: Indications,
    targets: u8,
) -> Result<(), WriteDescriptorError> {
    for target in 0..targets {
        let bits = match indications.of(target) {
            Indication::NotPresent => 0,
            Indication::Discardable => 1,
            Indication::Switch => 2,
            Indication::Required => 3,
        };
        writer.bits(bits, 2)?;
    }
    Ok(())
}

//! Curves over time as inline SVG, with labels as text beside them so that they stay readable on
//! any width.

use std::fmt::Write;

use crate::units;

use super::html::escape;
use super::table::number;

/// Inner size of the drawing, which is stretched to its place.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 100.0;

/// Points of a curve; more are thinned out, keeping the highest of each stretch.
const POINTS_MAX: usize = 400;

/// Lines across the drawing, the bottom one not counted.
const LINES: u8 = 3;

/// A curve.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Curve {
    /// What it is called.
    pub(crate) label: &'static str,
    /// Where it goes.
    pub(crate) points: Vec<(f64, f64)>,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plot {
    /// Its title.
    pub(crate) title: &'static str,
    /// The unit of its values.
    pub(crate) unit: &'static str,
    /// One or two curves.
    pub(crate) curves: Vec<Curve>,
    /// The end of the horizontal axis.
    pub(crate) end: f64,
    /// Where a mark stands, and what it says.
    pub(crate) mark: Option<(f64, &'static str)>,
    /// What stands below the beginning and the end.
    pub(crate) ends: (String, String),
}

impl Plot {
    /// Draws it as HTML.
    pub(crate) fn draw(&self) -> String {
        let values = self.curves.iter().flat_map(|curve| &curve.points);
        let highest = values.map(|(_, value)| *value).fold(0.0, f64::max);
        let top = nice(highest);
        let mut html = String::new();
        let legend = self.curves.iter().enumerate().map(|(index, curve)| {
            let last = curve.points.iter().map(|point| point.1);
            let most = last.fold(0.0, f64::max);
            format!(
                "<span class=\"key key{index}\">{} <b>{}</b> at most</span>",
                escape(curve.label),
                number(most),
            )
        });
        let legend: String = legend.collect();
        let _ = write!(
            html,
            "<figure class=\"plot\"><figcaption><h3>{}</h3><span class=\"unit\">{}</span>{legend}\
             </figcaption><div class=\"area\"><div class=\"scale\" aria-hidden=\"true\">",
            escape(self.title),
            escape(self.unit),
        );
        for line in (0..=LINES).rev() {
            let value = top * f64::from(line) / f64::from(LINES);
            let _ = write!(html, "<span>{}</span>", number(value));
        }
        let _ = write!(
            html,
            "</div><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
             aria-label=\"{}, from 0 to {} {}\">",
            escape(self.title),
            number(highest),
            escape(self.unit),
        );
        self.draw_inside(top, &mut html);
        let (left, right) = &self.ends;
        let share = |(at, _): (f64, &str)| at / self.end * 100.0;
        // Beside a mark that is near there is no place for the beginning.
        let is_near = self.mark.map(share).is_some_and(|share| share < 15.0);
        let left = if is_near { "" } else { left.as_str() };
        let mark = self.mark.map_or_else(String::new, |(at, label)| {
            let share = share((at, label));
            format!(
                "<span class=\"mark\" style=\"left:{share:.1}%\">{}</span>",
                escape(label)
            )
        });
        let _ = write!(
            html,
            "</svg></div><div class=\"ends\"><span>{}</span>{mark}<span>{}</span></div></figure>",
            escape(left),
            escape(right),
        );
        html
    }

    fn draw_inside(&self, top: f64, html: &mut String) {
        for line in 0..=LINES {
            let y = HEIGHT * f64::from(line) / f64::from(LINES);
            let _ = write!(html, "<path class=\"grid\" d=\"M0 {y:.1}H{WIDTH}\"/>");
        }
        if let Some((at, _)) = self.mark {
            let x = at / self.end * WIDTH;
            let _ = write!(html, "<path class=\"from\" d=\"M{x:.1} 0V{HEIGHT}\"/>");
        }
        for (index, curve) in self.curves.iter().enumerate() {
            let points = thin(&curve.points);
            let place = |(x, y): &(f64, f64)| {
                let x = (x / self.end * WIDTH).clamp(0.0, WIDTH);
                (x, HEIGHT - y / top * HEIGHT)
            };
            let placed: Vec<(f64, f64)> = points.iter().map(place).collect();
            let (Some(first), Some(last)) = (placed.first(), placed.last()) else {
                continue;
            };
            let mut path = String::new();
            for (x, y) in &placed {
                let step = if path.is_empty() { 'M' } else { 'L' };
                let _ = write!(path, "{step}{x:.1} {y:.1}");
            }
            if index == 0 {
                let _ = write!(
                    html,
                    "<path class=\"fill\" d=\"{path}L{:.1} {HEIGHT}L{:.1} {HEIGHT}Z\"/>",
                    last.0, first.0
                );
            }
            let _ = write!(html, "<path class=\"curve curve{index}\" d=\"{path}\"/>");
        }
    }
}

/// Keeps the highest point of each stretch.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let stretch = points.len().div_ceil(POINTS_MAX).max(1);
    let highest = |stretch: &[(f64, f64)]| {
        let points = stretch.iter().copied();
        points.max_by(|one, other| one.1.total_cmp(&other.1))
    };
    points.chunks(stretch).filter_map(highest).collect()
}

/// The next round number above that three lines divide well.
fn nice(highest: f64) -> f64 {
    const STEPS: [f64; 9] = [1.2, 1.5, 1.8, 2.4, 3.0, 4.5, 6.0, 7.5, 9.0];
    if highest <= 0.0 || !highest.is_finite() {
        return 3.0;
    }
    let unit = 10_f64.powf(highest.log10().floor());
    let step = STEPS
        .iter()
        .find(|step| highest <= **step * unit * 1.000_001);
    step.map_or(12.0 * unit, |step| step * unit)
}

/// Half-way between nothing and the longest of a share that nears 100 %: each nine gets the same
/// room.
pub(crate) fn nines(percent: f64) -> f64 {
    let rest = (100.0 - percent).max(0.01) / 100.0;
    -rest.log10()
}

/// How many curves have points.
pub(crate) fn has_points(curves: &[Curve]) -> bool {
    units::size(curves.iter().map(|curve| curve.points.len()).sum::<usize>()) > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_on_round_numbers_above() {
        for (highest, expected) in [
            (0.0, 3.0),
            (0.7, 0.75),
            (1.0, 1.2),
            (1.2, 1.2),
            (95.0, 120.0),
            (1234.0, 1500.0),
            (f64::NAN, 3.0),
        ] {
            let found = nice(highest);
            assert!((found - expected).abs() < 1e-9, "{highest}: {found}");
        }
    }

    #[test]
    fn a_curve_goes_from_the_left_bottom_up_to_the_right() {
        let plot = Plot {
            title: "Packets",
            unit: "/s",
            curves: vec![Curve {
                label: "all",
                points: vec![(0.0, 0.0), (10.0, 100.0)],
            }],
            end: 10.0,
            mark: None,
            ends: ("0 s".to_owned(), "10 s".to_owned()),
        };

        let html = plot.draw();

        assert!(html.contains("d=\"M0.0 100.0L1000.0 16.7\""), "{html}");
    }

    #[test]
    fn thinning_keeps_peaks() {
        let mut points: Vec<(f64, f64)> = (0..4000).map(|x| (f64::from(x), 1.0)).collect();
        points[1234].1 = 99.0;

        let thinned = thin(&points);

        assert!(thinned.len() <= POINTS_MAX);
        assert!(thinned.contains(&(1234.0, 99.0)));
    }

    #[test]
    fn each_nine_has_the_same_room() {
        assert!((nines(90.0) - 1.0).abs() < 1e-9);
        assert!((nines(99.0) - 2.0).abs() < 1e-9);
        assert!((nines(100.0) - 4.0).abs() < 1e-9);
    }
}

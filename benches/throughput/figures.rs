//! Several runs as one line: a median, and between which ends.

use std::fmt;

/// The figures of all rounds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    pub(crate) fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }

    fn ends(&self) -> (f64, f64) {
        let fold = |pick: fn(f64, f64) -> f64| self.0.iter().copied().reduce(pick);
        (fold(f64::min).unwrap_or(f64::NAN), fold(f64::max).unwrap_or(f64::NAN))
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        Self(figures.into_iter().collect())
    }
}

/// `1.03 (0.98-1.10)`, or the one figure that there is; the precision is that of each number.
impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let (low, high) = self.ends();
        let text = match self.0.len() {
            0 => "refused".to_owned(),
            1 => format!("{:.digits$}", self.median()),
            _ => format!("{:.digits$} ({low:.digits$}-{high:.digits$})", self.median()),
        };
        f.write_str(&text)
    }
}

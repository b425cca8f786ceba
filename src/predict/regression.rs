//! Linear regression of execution times on features, by weighted least squares.

/// Added to the diagonal of normal equations of columns scaled to length 1, so that features that never vary do no harm.
const RIDGE: f64 = 1e-9;

/// A fitted linear function.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Regression {
    weights: Vec<f64>,
}

impl Regression {
    /// Least squares over `(features, time)`; `relative` weighs every sample by 1 / time, so that relative errors count. `None` without
    /// samples, or with fewer samples than features.
    pub(super) fn fit(samples: &[(Vec<f64>, f64)], relative: bool) -> Option<Self> {
        let n = samples.first()?.0.len();
        if samples.len() < n {
            return None;
        }
        let weight = |time: f64| if relative { 1.0 / time.max(f64::MIN_POSITIVE) } else { 1.0 };
        let length = |i: usize| {
            let sum: f64 = samples.iter().map(|(f, t)| (f[i] * weight(*t)).powi(2)).sum();
            if sum > 0.0 { sum.sqrt() } else { 1.0 }
        };
        let lengths: Vec<f64> = (0..n).map(length).collect();
        let mut matrix = vec![vec![0.0; n + 1]; n];
        for (features, time) in samples {
            let w = weight(*time);
            let row: Vec<f64> = features.iter().zip(&lengths).map(|(f, l)| f * w / l).collect();
            for (i, line) in matrix.iter_mut().enumerate() {
                for (value, other) in line.iter_mut().zip(&row) {
                    *value += row[i] * other;
                }
                line[n] += row[i] * time * w;
            }
        }
        for (i, line) in matrix.iter_mut().enumerate() {
            line[i] += RIDGE;
        }
        let scaled = solve(matrix)?;
        Some(Self { weights: scaled.iter().zip(&lengths).map(|(w, l)| w / l).collect() })
    }

    /// The value at these features.
    pub(super) fn value(&self, features: &[f64]) -> f64 {
        self.weights.iter().zip(features).map(|(w, f)| w * f).sum()
    }
}

/// Gaussian elimination with pivoting of rows `[a | b]`; `None` when singular.
fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let n = rows.len();
    for column in 0..n {
        let pivot = (column..n).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))?;
        rows.swap(column, pivot);
        let head = rows[column].clone();
        if head[column] == 0.0 || !head[column].is_finite() {
            return None;
        }
        for row in rows.iter_mut().skip(column + 1) {
            let factor = row[column] / head[column];
            for (value, above) in row.iter_mut().zip(&head).skip(column) {
                *value -= factor * above;
            }
        }
    }
    let mut solution = vec![0.0; n];
    for i in (0..n).rev() {
        let rest: f64 = (i + 1..n).map(|j| rows[i][j] * solution[j]).sum();
        solution[i] = (rows[i][n] - rest) / rows[i][i];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_data_gives_back_their_function() {
        let samples: Vec<(Vec<f64>, f64)> = (0..20)
            .map(|i| {
                let (a, b) = (f64::from(i % 5) * 1e6, f64::from(i / 5));
                (vec![a, b, 1.0], 2e-6 * a + 3.0 * b + 5.0)
            })
            .collect();
        for relative in [false, true] {
            let fit = Regression::fit(&samples, relative).unwrap();
            assert!((fit.value(&[7e6, 11.0, 1.0]) - 52.0).abs() < 1e-6);
        }
        assert!(Regression::fit(&samples[..2], false).is_none());
    }
}

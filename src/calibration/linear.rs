//! Small dense linear algebra: symmetric positive definite systems and eigenvalues.

/// A symmetric matrix, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Symmetric {
    n: usize,
    values: Vec<f64>,
}

impl Symmetric {
    /// The Gram matrix `rows^T rows` of row vectors of length `n`.
    pub(super) fn gram(rows: &[Vec<f64>], n: usize) -> Self {
        let mut values = vec![0.0; n * n];
        for row in rows {
            for i in 0..n {
                if row[i] != 0.0 {
                    for j in 0..=i {
                        values[i * n + j] += row[i] * row[j];
                    }
                }
            }
        }
        for i in 0..n {
            for j in 0..i {
                values[j * n + i] = values[i * n + j];
            }
        }
        Self { n, values }
    }

    /// Adds to the diagonal.
    pub(super) fn add_diagonal(&mut self, of: impl Fn(usize) -> f64) {
        for i in 0..self.n {
            self.values[i * self.n + i] += of(i);
        }
    }

    /// A diagonal element.
    pub(super) fn diagonal(&self, i: usize) -> f64 {
        self.values[i * self.n + i]
    }

    /// Lower Cholesky factor; `None` unless positive definite.
    fn factor(&self) -> Option<Vec<f64>> {
        let n = self.n;
        let mut l = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let dot: f64 = (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum();
                let rest = self.values[i * n + j] - dot;
                l[i * n + j] = if i == j {
                    if rest.is_nan() || rest <= 0.0 {
                        return None;
                    }
                    rest.sqrt()
                } else {
                    rest / l[j * n + j]
                };
            }
        }
        Some(l)
    }

    /// The solution of `self x = b`; `None` unless positive definite.
    pub(super) fn solve(&self, b: &[f64]) -> Option<Vec<f64>> {
        Some(back(&self.factor()?, b, self.n))
    }

    /// Diagonal of the inverse; `None` unless positive definite.
    pub(super) fn inverse_diagonal(&self) -> Option<Vec<f64>> {
        let l = self.factor()?;
        Some(
            (0..self.n)
                .map(|i| {
                    let unit: Vec<f64> = (0..self.n).map(|j| f64::from(u8::from(i == j))).collect();
                    back(&l, &unit, self.n)[i]
                })
                .collect(),
        )
    }

    /// Eigenvalues by cyclic Jacobi rotations, unordered.
    pub(super) fn eigenvalues(&self) -> Vec<f64> {
        let n = self.n;
        let mut a = self.values.clone();
        for _ in 0..60 {
            let off: f64 = (0..n).map(|i| (0..i).map(|j| a[i * n + j].powi(2)).sum::<f64>()).sum();
            let trace: f64 = (0..n).map(|i| a[i * n + i].powi(2)).sum();
            if off <= 1e-24 * trace.max(f64::MIN_POSITIVE) {
                break;
            }
            for p in 0..n {
                for q in p + 1..n {
                    rotate(&mut a, n, p, q);
                }
            }
        }
        (0..n).map(|i| a[i * n + i]).collect()
    }
}

fn rotate(a: &mut [f64], n: usize, p: usize, q: usize) {
    let off = a[p * n + q];
    if off == 0.0 {
        return;
    }
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * off);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let t = if theta == 0.0 { 1.0 } else { t };
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for k in 0..n {
        let (x, y) = (a[k * n + p], a[k * n + q]);
        a[k * n + p] = c * x - s * y;
        a[k * n + q] = s * x + c * y;
    }
    for k in 0..n {
        let (x, y) = (a[p * n + k], a[q * n + k]);
        a[p * n + k] = c * x - s * y;
        a[q * n + k] = s * x + c * y;
    }
}

fn back(l: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let mut x = b.to_vec();
    for i in 0..n {
        let dot: f64 = (0..i).map(|k| l[i * n + k] * x[k]).sum();
        x[i] = (x[i] - dot) / l[i * n + i];
    }
    for i in (0..n).rev() {
        let dot: f64 = (i + 1..n).map(|k| l[k * n + i] * x[k]).sum();
        x[i] = (x[i] - dot) / l[i * n + i];
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_inverts_and_finds_eigenvalues() {
        // [[4, 2], [2, 3]] as the Gram matrix of [2, 1], [0, sqrt 2].
        let a = Symmetric::gram(&[vec![2.0, 1.0], vec![0.0, 2f64.sqrt()]], 2);
        let x = a.solve(&[8.0, 7.0]).unwrap();
        assert!((x[0] - 1.25).abs() < 1e-12 && (x[1] - 1.5).abs() < 1e-12, "{x:?}");
        let inverse = a.inverse_diagonal().unwrap();
        assert!((inverse[0] - 3.0 / 8.0).abs() < 1e-12 && (inverse[1] - 0.5).abs() < 1e-12);
        let mut eigenvalues = a.eigenvalues();
        eigenvalues.sort_by(f64::total_cmp);
        let root = 17f64.sqrt();
        assert!((eigenvalues[0] - (7.0 - root) / 2.0).abs() < 1e-9);
        assert!((eigenvalues[1] - (7.0 + root) / 2.0).abs() < 1e-9);
        assert!(Symmetric::gram(&[vec![1.0, 1.0]], 2).solve(&[1.0, 1.0]).is_none());
    }
}

//! Leave-one-family-out cross-validation.

/// The families in order of first appearance, each with the positions of its members.
#[must_use]
pub fn folds(families: &[&str]) -> Vec<Vec<usize>> {
    let mut found: Vec<(&str, Vec<usize>)> = Vec::new();
    for (i, family) in families.iter().enumerate() {
        match found.iter_mut().find(|(known, _)| known == family) {
            Some((_, members)) => members.push(i),
            None => found.push((family, vec![i])),
        }
    }
    found.into_iter().map(|(_, members)| members).collect()
}

/// For every position the prediction of a model that was fitted without its family. `fit` gets the positions to
/// learn from, `predict` a model and a position.
///
/// # Errors
/// The first error of `fit` or `predict`.
pub fn leave_family_out<M, E>(
    families: &[&str],
    mut fit: impl FnMut(&[usize]) -> Result<M, E>,
    mut predict: impl FnMut(&M, usize) -> Result<f64, E>,
) -> Result<Vec<f64>, E> {
    let mut predictions = vec![f64::NAN; families.len()];
    for held_out in folds(families) {
        let training: Vec<usize> = (0..families.len()).filter(|i| !held_out.contains(i)).collect();
        let model = fit(&training)?;
        for i in held_out {
            predictions[i] = predict(&model, i)?;
        }
    }
    Ok(predictions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_family_is_predicted_by_a_model_that_saw_it() {
        let families = ["a", "b", "a", "c"];
        let out = leave_family_out(
            &families,
            |training| Ok::<_, ()>(training.to_vec()),
            |training, i| {
                assert!(training.iter().all(|&t| families[t] != families[i]));
                Ok(training.len() as f64)
            },
        );
        assert_eq!(out, Ok(vec![2.0, 3.0, 2.0, 3.0]));
    }
}

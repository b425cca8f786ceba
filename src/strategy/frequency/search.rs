//! The best steps of several domains.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What is found.
#[derive(Debug, Clone)]
pub(super) struct Found<J> {
    /// Step of every domain.
    pub steps: Vec<usize>,
    /// Everything that was tried.
    pub tried: BTreeMap<Vec<usize>, J>,
    /// How many vectors there are.
    pub of: u128,
}

/// The best of the vectors in which domain `d` has a step of `choices[d]` (at least one each): all of them are tried when there are at most
/// `most`. Else blocks of one and of two domains are tried completely, from several starts, until none improves or `most` is used up.
/// `compare` says which of two is better (smaller); ties go to the smaller steps.
pub(super) fn best<J>(
    choices: &[Vec<usize>],
    most: u64,
    mut judge: impl FnMut(&[usize]) -> J,
    compare: impl Fn(&J, &J) -> Ordering,
) -> Found<J> {
    let of = choices.iter().fold(1u128, |product, own| product.saturating_mul(own.len() as u128));
    let mut tried: BTreeMap<Vec<usize>, J> = BTreeMap::new();
    let free: Vec<usize> = (0..choices.len()).filter(|&domain| choices[domain].len() > 1).collect();
    // The fastest is always known: it is what savings are counted from.
    let start = |part: usize| -> Vec<usize> {
        choices.iter().map(|own| own.get((own.len() - 1) * part / 4).copied().unwrap_or(0)).collect()
    };
    let complete = of <= u128::from(most);
    for part in (0..=4).rev() {
        let mut at = start(part);
        tried.entry(at.clone()).or_insert_with(|| judge(&at));
        if complete {
            block(choices, &free, &mut at, u64::MAX, &mut tried, &mut judge, &compare);
            break;
        }
        loop {
            let before = at.clone();
            for &one in &free {
                block(choices, &[one], &mut at, most, &mut tried, &mut judge, &compare);
            }
            if at == before {
                for (number, &one) in free.iter().enumerate() {
                    for &other in &free[number + 1..] {
                        block(choices, &[one, other], &mut at, most, &mut tried, &mut judge, &compare);
                    }
                }
            }
            if at == before {
                break;
            }
        }
    }
    let winner = tried.iter().min_by(|a, b| compare(a.1, b.1)).map(|(steps, _)| steps.clone());
    Found { steps: winner.unwrap_or_else(|| start(4)), tried, of }
}

/// Tries all steps of some domains, the others held, and moves to the best.
fn block<J>(
    choices: &[Vec<usize>],
    domains: &[usize],
    at: &mut Vec<usize>,
    most: u64,
    tried: &mut BTreeMap<Vec<usize>, J>,
    judge: &mut impl FnMut(&[usize]) -> J,
    compare: &impl Fn(&J, &J) -> Ordering,
) {
    let mut best = at.clone();
    let mut digits = vec![0usize; domains.len()];
    loop {
        let mut vector = at.clone();
        for (&domain, &digit) in domains.iter().zip(&digits) {
            vector[domain] = choices[domain][digit];
        }
        if !tried.contains_key(&vector) {
            if tried.len() as u64 >= most {
                break;
            }
            let judged = judge(&vector);
            tried.insert(vector.clone(), judged);
        }
        if let (Some(new), Some(old)) = (tried.get(&vector), tried.get(&best))
            && compare(new, old).then_with(|| vector.cmp(&best)) == Ordering::Less
        {
            best = vector;
        }
        // Count through all combinations.
        let mut place = 0;
        while place < digits.len() {
            digits[place] += 1;
            if digits[place] < choices[domains[place]].len() {
                break;
            }
            digits[place] = 0;
            place += 1;
        }
        if place == digits.len() {
            break;
        }
    }
    *at = best;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(steps: &[usize]) -> u64 {
        // A valley along the diagonal: changing one step alone climbs.
        let (a, b, c) = (steps[0] as i64, steps[1] as i64, steps[2] as i64);
        (100 * (a - b).pow(2) + (a + b - 14).pow(2) + (c - 3).pow(2)) as u64
    }

    /// Would fail if blocks of two were left out, or the budget ended a search of few vectors.
    #[test]
    fn few_vectors_are_all_tried_and_many_are_descended() {
        let choices: Vec<Vec<usize>> = vec![(0..20).collect(), (0..20).collect(), (2..9).collect()];
        let all = best(&choices, 1 << 40, value, u64::cmp);
        assert_eq!((all.steps.clone(), all.tried.len(), all.of), (vec![7, 7, 3], 2800, 2800));
        let some = best(&choices, 2000, value, u64::cmp);
        assert_eq!(some.steps, all.steps);
        assert!(some.tried.len() <= 2000 && some.of == 2800);
        let few = best(&choices, 1, value, u64::cmp);
        assert_eq!(few.steps.len(), 3);
    }
}

//! Evaluation of operators on small constants, so that shapes that exporters compute become known.

use super::indexing::{broadcast_position, coordinates, pick, strides};
use super::layout::permutation;
use super::node::{Node, axis};
use super::slicing::{parts, ranges};
use crate::graph::fact::Fact;
use crate::graph::model::{ConstantData, ElementType};
use crate::graph::onnx::tensors::{KEPT_ELEMENTS, empty};

/// Fills in the content of outputs where all inputs are known and the result is small. What cannot
/// be evaluated stays unknown, which is never wrong.
pub(super) fn evaluate(node: &Node, outputs: &mut [Fact]) {
    if outputs.iter().any(|f| f.data.is_some() || f.elements() > KEPT_ELEMENTS)
        || node.inputs.is_empty()
        || node.inputs.iter().flatten().any(|f| f.data.is_none())
    {
        return;
    }
    if node.operator.op_type == "Split" {
        split(node, outputs);
        return;
    }
    let [output, ..] = outputs else { return };
    let data = if output.elements() == 0 { Some(empty(output.element)) } else { value(node, output) };
    let is_float = matches!(data, Some(ConstantData::Floats(_)));
    if data.is_some() && is_float == output.element.is_float() {
        output.data = data;
    }
}

fn value(node: &Node, output: &Fact) -> Option<ConstantData> {
    let x = node.optional(0)?;
    let data = x.data.as_ref()?;
    match node.operator.op_type.as_str() {
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity" => Some(data.clone()),
        "Cast" | "CastLike" => cast(data, output.element),
        "Gather" => gather(node, x, output),
        "Concat" => concat(node, output),
        "Slice" => slice(node, x, output),
        "Transpose" => {
            let order = permutation(node, x.shape.len()).ok()?;
            let from = strides(&x.shape);
            pick(
                data,
                positions(output, |at| {
                    order.iter().zip(at).filter_map(|(&o, &c)| Some(from.get(o)? * c)).sum()
                }),
            )
        }
        "Expand" => pick(data, positions(output, |at| broadcast_position(at, &x.shape))),
        "Tile" => {
            let from = strides(&x.shape);
            let position =
                |at: &[u64]| at.iter().zip(&x.shape).zip(&from).map(|((&c, &d), &s)| c % d.max(1) * s).sum();
            pick(data, positions(output, position))
        }
        "Where" => select(node, output),
        "ReduceProd" | "ReduceSum" | "ReduceMax" | "ReduceMin" => reduce(node, x, output),
        name => arithmetic(name, node, output),
    }
}

/// For each output element, in order, the position that `map` gives for its coordinates.
fn positions(output: &Fact, map: impl Fn(&[u64]) -> u64) -> impl Iterator<Item = u64> {
    (0..output.elements()).map(move |flat| map(&coordinates(flat, &output.shape)))
}

fn cast(data: &ConstantData, to: ElementType) -> Option<ConstantData> {
    use ConstantData::{Floats, Integers};
    Some(match (data, to) {
        (Integers(v), ElementType::Bool) => Integers(v.iter().map(|&x| i64::from(x != 0)).collect()),
        (Floats(v), ElementType::Bool) => Integers(v.iter().map(|&x| i64::from(x != 0.0)).collect()),
        (Integers(v), t) if t.is_float() => Floats(v.iter().map(|&x| x as f64).collect()),
        (Floats(v), ElementType::F32) => Floats(v.iter().map(|&x| f64::from(x as f32)).collect()),
        (Floats(v), t) if t.is_float() => Floats(v.clone()),
        (Floats(v), _) => Integers(v.iter().map(|&x| x as i64).collect()),
        // Narrowing of integers would wrap; shapes never need it.
        (Integers(v), t) if t.bits() >= 32 => Integers(v.clone()),
        _ => return None,
    })
}

fn gather(node: &Node, x: &Fact, output: &Fact) -> Option<ConstantData> {
    let indices = node.optional(1)?;
    let values = indices.integers()?;
    let at_axis = axis(node.int("axis", 0), x.shape.len()).ok()?;
    let dim = *x.shape.get(at_axis)?;
    let wrapped: Vec<u64> = values
        .iter()
        .map(|&i| u64::try_from(if i < 0 { i.saturating_add(dim as i64) } else { i }).ok())
        .collect::<Option<_>>()?;
    if wrapped.iter().any(|&i| i >= dim) {
        return None;
    }
    let (from, inner) = (strides(&x.shape), strides(&indices.shape));
    let rank = indices.shape.len();
    let position = |at: &[u64]| {
        let index: u64 = at.iter().skip(at_axis).take(rank).zip(&inner).map(|(c, s)| c * s).sum();
        let row = wrapped.get(index as usize).copied().unwrap_or(u64::MAX >> 32);
        let outer = at.iter().take(at_axis).zip(&from).map(|(c, s)| c * s).sum::<u64>();
        let rest = at.iter().skip(at_axis + rank).zip(from.iter().skip(at_axis + 1)).map(|(c, s)| c * s);
        outer + row * from.get(at_axis).copied().unwrap_or(1) + rest.sum::<u64>()
    };
    pick(x.data.as_ref()?, positions(output, position))
}

fn concat(node: &Node, output: &Fact) -> Option<ConstantData> {
    let at_axis = axis(node.operator.int("axis")?, output.shape.len()).ok()?;
    let mut result = empty(output.element);
    // Blocks of whole trailing dimensions, one from each input per outer index.
    let outer: u64 = output.shape.iter().take(at_axis).product();
    for i in 0..outer {
        for fact in node.inputs.iter().flatten() {
            let block = fact.elements() / outer.max(1);
            let part = pick(fact.data.as_ref()?, i * block..(i + 1) * block)?;
            match (&mut result, part) {
                (ConstantData::Integers(r), ConstantData::Integers(p)) => r.extend(p),
                (ConstantData::Floats(r), ConstantData::Floats(p)) => r.extend(p),
                _ => return None,
            }
        }
    }
    Some(result)
}

fn slice(node: &Node, x: &Fact, output: &Fact) -> Option<ConstantData> {
    let ranges = ranges(node).ok()?;
    let from = strides(&x.shape);
    let position = |at: &[u64]| {
        at.iter()
            .zip(&ranges)
            .zip(&from)
            .map(|((&c, &(start, step, _)), &s)| {
                start.saturating_add((c as i64).saturating_mul(step)) as u64 * s
            })
            .sum()
    };
    pick(x.data.as_ref()?, positions(output, position))
}

fn split(node: &Node, outputs: &mut [Fact]) {
    let (Some(x), Ok((at_axis, sizes))) = (node.optional(0), parts(node)) else { return };
    let Some(data) = &x.data else { return };
    let from = strides(&x.shape);
    let mut offset = 0;
    for (output, size) in outputs.iter_mut().zip(sizes) {
        let shift = offset * from.get(at_axis).copied().unwrap_or(1);
        let position = |at: &[u64]| shift + at.iter().zip(&from).map(|(c, s)| c * s).sum::<u64>();
        output.data = pick(data, positions(output, position));
        offset += size;
    }
}

fn select(node: &Node, output: &Fact) -> Option<ConstantData> {
    let (condition, x, y) = (node.optional(0)?, node.optional(1)?, node.optional(2)?);
    let flags = condition.integers()?;
    let chosen = |p: usize| (flags.get(p).copied().unwrap_or(0) != 0) as usize;
    let mut result = empty(output.element);
    for flat in 0..output.elements() {
        let at = coordinates(flat, &output.shape);
        let source = [y, x][chosen(broadcast_position(&at, &condition.shape) as usize)];
        let one = pick(source.data.as_ref()?, std::iter::once(broadcast_position(&at, &source.shape)))?;
        match (&mut result, one) {
            (ConstantData::Integers(r), ConstantData::Integers(v)) => r.extend(v),
            (ConstantData::Floats(r), ConstantData::Floats(v)) => r.extend(v),
            _ => return None,
        }
    }
    Some(result)
}

/// Reductions of all elements, which is what exporters compute (numbers of elements).
fn reduce(node: &Node, x: &Fact, output: &Fact) -> Option<ConstantData> {
    if output.elements() != 1 {
        return None;
    }
    fn fold<T: Copy + PartialOrd>(
        name: &str,
        v: &[T],
        mul: impl Fn(T, T) -> Option<T>,
        add: impl Fn(T, T) -> Option<T>,
    ) -> Option<T> {
        let (&first, rest) = v.split_first()?;
        rest.iter().try_fold(first, |a, &b| match name {
            "ReduceProd" => mul(a, b),
            "ReduceSum" => add(a, b),
            "ReduceMax" => Some(if b > a { b } else { a }),
            _ => Some(if b < a { b } else { a }),
        })
    }
    let name = node.operator.op_type.as_str();
    Some(match x.data.as_ref()? {
        ConstantData::Integers(v) => {
            ConstantData::Integers(vec![fold(name, v, i64::checked_mul, i64::checked_add)?])
        }
        ConstantData::Floats(v) => {
            ConstantData::Floats(vec![fold(name, v, |a, b| Some(a * b), |a, b| Some(a + b))?])
        }
    })
}

/// Element-wise operators of one or two operands.
fn arithmetic(name: &str, node: &Node, output: &Fact) -> Option<ConstantData> {
    let x = node.optional(0)?;
    if node.inputs.len() == 1 {
        return match x.data.as_ref()? {
            ConstantData::Integers(v) => {
                v.iter().map(|&a| unary_integer(name, a)).collect::<Option<_>>().map(ConstantData::Integers)
            }
            ConstantData::Floats(v) => {
                v.iter().map(|&a| unary_float(name, a)).collect::<Option<_>>().map(ConstantData::Floats)
            }
        };
    }
    let (2, Some(y)) = (node.inputs.len(), node.optional(1)) else { return None };
    let pairs = || {
        (0..output.elements()).map(|flat| {
            let at = coordinates(flat, &output.shape);
            (broadcast_position(&at, &x.shape) as usize, broadcast_position(&at, &y.shape) as usize)
        })
    };
    match (x.data.as_ref()?, y.data.as_ref()?) {
        (ConstantData::Integers(a), ConstantData::Integers(b)) => pairs()
            .map(|(i, j)| binary_integer(name, *a.get(i)?, *b.get(j)?))
            .collect::<Option<_>>()
            .map(ConstantData::Integers),
        (ConstantData::Floats(a), ConstantData::Floats(b)) if output.element == ElementType::Bool => pairs()
            .map(|(i, j)| compare(name, a.get(i)?, b.get(j)?))
            .collect::<Option<_>>()
            .map(ConstantData::Integers),
        (ConstantData::Floats(a), ConstantData::Floats(b)) => pairs()
            .map(|(i, j)| binary_float(name, *a.get(i)?, *b.get(j)?))
            .collect::<Option<_>>()
            .map(ConstantData::Floats),
        _ => None,
    }
}

fn unary_integer(name: &str, a: i64) -> Option<i64> {
    match name {
        "Neg" => a.checked_neg(),
        "Abs" => a.checked_abs(),
        "Sign" => Some(a.signum()),
        "Not" => Some(i64::from(a == 0)),
        _ => None,
    }
}

fn unary_float(name: &str, a: f64) -> Option<f64> {
    Some(match name {
        "Neg" => -a,
        "Abs" => a.abs(),
        "Floor" => a.floor(),
        "Ceil" => a.ceil(),
        "Round" => a.round_ties_even(),
        "Sqrt" => a.sqrt(),
        "Exp" => a.exp(),
        "Log" => a.ln(),
        "Reciprocal" => 1.0 / a,
        _ => return None,
    })
}

fn binary_integer(name: &str, a: i64, b: i64) -> Option<i64> {
    match name {
        "Add" | "Sum" => a.checked_add(b),
        "Sub" => a.checked_sub(b),
        "Mul" => a.checked_mul(b),
        // Integer division truncates; the sign of a remainder is the divisor's.
        "Div" => a.checked_div(b),
        "Mod" => a.checked_rem(b).map(|r| if r != 0 && (r < 0) != (b < 0) { r + b } else { r }),
        "Pow" => a.checked_pow(u32::try_from(b).ok()?),
        "Max" => Some(a.max(b)),
        "Min" => Some(a.min(b)),
        "And" => Some(i64::from(a != 0 && b != 0)),
        "Or" => Some(i64::from(a != 0 || b != 0)),
        "Xor" => Some(i64::from((a != 0) != (b != 0))),
        _ => compare(name, &a, &b),
    }
}

fn binary_float(name: &str, a: f64, b: f64) -> Option<f64> {
    Some(match name {
        "Add" | "Sum" => a + b,
        "Sub" => a - b,
        "Mul" => a * b,
        "Div" => a / b,
        "Pow" => a.powf(b),
        "Max" => a.max(b),
        "Min" => a.min(b),
        _ => return None,
    })
}

fn compare<T: PartialOrd>(name: &str, a: &T, b: &T) -> Option<i64> {
    Some(i64::from(match name {
        "Equal" => a == b,
        "Greater" => a > b,
        "GreaterOrEqual" => a >= b,
        "Less" => a < b,
        "LessOrEqual" => a <= b,
        _ => return None,
    }))
}

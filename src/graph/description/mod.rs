//! A graph as a text states it: every tensor by name. The form between [`Graph`] and the formats that
//! carry all of it, native TOML and neutral JSON.

mod value;

use std::collections::{HashMap, HashSet};

use super::draft::{Draft, DraftOperator, label};
use super::error::GraphError;
use super::fact::Fact;
use super::fold::{compact, fold};
use super::model::{ConstantData, ElementType, Graph, Operator, Quantization, TensorId, TensorRole};
use super::onnx::tensors::check_shape;
use super::onnx::{HIGHEST_OPSET, LOWEST_OPSET, MAX_NODES};
use crate::diagnostics::printable;

pub use value::Value;

/// A graph by names.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "as in Graph")]
pub struct Description {
    pub name: String,
    /// ONNX operator set, or 0 for TensorFlow Lite's vocabulary, whose operators must state their shapes.
    pub opset: i64,
    pub inputs: Vec<Described>,
    /// Tensors that keep their content from run to run and that nobody writes.
    pub variables: Vec<Described>,
    pub constants: Vec<Described>,
    pub outputs: Vec<String>,
    pub operators: Vec<DescribedOperator>,
    /// Affine quantisation by tensor name.
    pub quantization: Vec<(String, Quantization)>,
}

/// A tensor that no operator produces.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "as in Tensor")]
pub struct Described {
    pub name: String,
    pub shape: Vec<u64>,
    pub element: ElementType,
    /// Content, of constants only.
    pub data: Option<ConstantData>,
}

/// An operator by names.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "as in Operator")]
pub struct DescribedOperator {
    pub name: String,
    pub op_type: String,
    pub domain: String,
    pub attributes: Vec<(String, super::model::Attribute)>,
    /// Empty for an absent input.
    pub inputs: Vec<String>,
    /// Empty for an output that nobody asked for.
    pub outputs: Vec<String>,
    /// Shape and element type of each output that is there, as far as the text states them.
    pub stated: Vec<(Option<Vec<u64>>, Option<ElementType>)>,
}

impl DescribedOperator {
    /// How messages call the operator at `position`.
    #[must_use]
    pub fn label(&self, position: usize) -> String {
        label(&self.name, &self.op_type, position)
    }
}

impl Description {
    /// Describes a graph. Tensors without a name, or with one that is taken, get a new one.
    #[must_use]
    pub fn of(graph: &Graph) -> Self {
        let names = unique_names(graph);
        let name = |id: &Option<TensorId>| id.map_or_else(String::new, |id| names[id.0 as usize].clone());
        let described = |index: usize, data: Option<ConstantData>| {
            let tensor = &graph.tensors[index];
            Described {
                name: names[index].clone(),
                shape: tensor.shape.clone(),
                element: tensor.element,
                data,
            }
        };
        let mut produced = vec![false; graph.tensors.len()];
        let written = graph.operators.iter().flat_map(|op| op.outputs.iter().flatten());
        graph.inputs.iter().chain(written).for_each(|id| produced[id.0 as usize] = true);
        let mut used = vec![false; graph.tensors.len()];
        let read = graph.operators.iter().flat_map(|op| op.inputs.iter().flatten());
        graph.outputs.iter().chain(read).for_each(|id| used[id.0 as usize] = true);
        let (mut variables, mut constants) = (Vec::new(), Vec::new());
        for (index, tensor) in graph.tensors.iter().enumerate().filter(|&(i, _)| used[i] && !produced[i]) {
            match &tensor.role {
                TensorRole::Constant(data) => constants.push(described(index, data.clone())),
                TensorRole::Activation => variables.push(described(index, None)),
            }
        }
        let operators = graph.operators.iter().map(|operator| DescribedOperator {
            name: operator.name.clone(),
            op_type: operator.op_type.clone(),
            domain: operator.domain.clone(),
            attributes: operator.attributes.clone(),
            inputs: operator.inputs.iter().map(name).collect(),
            outputs: operator.outputs.iter().map(name).collect(),
            stated: operator
                .outputs
                .iter()
                .flatten()
                .map(|&id| (Some(graph.tensor(id).shape.clone()), Some(graph.tensor(id).element)))
                .collect(),
        });
        let quantized = graph.tensors.iter().enumerate().filter(|&(i, _)| used[i] || produced[i]);
        Self {
            name: graph.name.clone(),
            opset: graph.opset,
            inputs: graph.inputs.iter().map(|id| described(id.0 as usize, None)).collect(),
            variables,
            constants,
            outputs: graph.outputs.iter().map(|id| names[id.0 as usize].clone()).collect(),
            operators: operators.collect(),
            quantization: quantized
                .filter_map(|(i, tensor)| Some((names[i].clone(), tensor.quantization.clone()?)))
                .collect(),
        }
    }

    /// Resolves names, checks, infers shapes (for ONNX operators) and folds constants.
    ///
    /// # Errors
    /// The errors of any graph; for TensorFlow Lite's vocabulary also an output without a stated shape.
    pub fn graph(self) -> Result<Graph, GraphError> {
        if self.operators.len() as u64 > MAX_NODES {
            let (what, value) = ("the number of operators".to_owned(), self.operators.len() as u64);
            return Err(GraphError::Limit { what, value, limit: MAX_NODES });
        }
        if self.opset != 0 && !(LOWEST_OPSET..=HIGHEST_OPSET).contains(&self.opset) {
            let (lowest, highest) = (LOWEST_OPSET, HIGHEST_OPSET);
            return Err(GraphError::Opset { version: self.opset, lowest, highest });
        }
        let mut draft = Draft { name: self.name, opset: self.opset, ..Draft::default() };
        for constant in self.constants {
            draft.add_stored(&constant.name.clone(), fact(constant, true)?)?;
        }
        for input in self.inputs {
            draft.add_input(&input.name.clone(), fact(input, false)?)?;
        }
        for variable in self.variables {
            // Like an input, but the application does not feed it.
            draft.add_input(&variable.name.clone(), fact(variable, false)?)?;
            draft.inputs.pop();
        }
        for (position, operator) in self.operators.into_iter().enumerate() {
            add_operator(&mut draft, operator, position)?;
        }
        for output in &self.outputs {
            let id = draft.tensor(output);
            draft.outputs.push(id);
        }
        let by_name: HashMap<String, Quantization> = self.quantization.into_iter().collect();
        draft.check_and_sort()?;
        let mut graph = if draft.opset == 0 { stated(draft)? } else { fold(draft)? };
        for tensor in &mut graph.tensors {
            tensor.quantization = by_name.get(&tensor.name).cloned();
        }
        Ok(graph)
    }
}

fn unique_names(graph: &Graph) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut names = Vec::with_capacity(graph.tensors.len());
    for (index, tensor) in graph.tensors.iter().enumerate() {
        let mut name = tensor.name.clone();
        while name.is_empty() || taken.contains(&name) {
            name = format!("{name}#{index}");
        }
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

fn fact(tensor: Described, constant: bool) -> Result<Fact, GraphError> {
    check_shape(&tensor.name, &tensor.shape)?;
    let fact = Fact { shape: tensor.shape, element: tensor.element, constant, data: tensor.data };
    let held = fact.data.as_ref().map(|data| match data {
        ConstantData::Integers(values) => values.len() as u64,
        ConstantData::Floats(values) => values.len() as u64,
    });
    match held {
        Some(held) if held != fact.elements() => Err(GraphError::Malformed {
            reason: format!(
                "constant `{}` holds {held} values, its shape {:?} has {}",
                printable(&tensor.name),
                fact.shape,
                fact.elements()
            ),
        }),
        _ => Ok(fact),
    }
}

fn add_operator(draft: &mut Draft, operator: DescribedOperator, position: usize) -> Result<(), GraphError> {
    let who = operator.label(position);
    let mut ids =
        |names: &[String]| names.iter().map(|n| (!n.is_empty()).then(|| draft.tensor(n))).collect::<Vec<_>>();
    let (inputs, outputs) = (ids(&operator.inputs), ids(&operator.outputs));
    let present = outputs.iter().flatten().count();
    if operator.stated.len() > present {
        let reason = format!("{who} states {} shapes for {present} outputs", operator.stated.len());
        return Err(GraphError::Malformed { reason });
    }
    for (id, (shape, element)) in outputs.iter().flatten().zip(operator.stated) {
        let tensor = &mut draft.tensors[id.0 as usize];
        if let Some(shape) = &shape {
            check_shape(&tensor.name, shape)?;
        }
        tensor.stated_shape = shape;
        tensor.stated_element = element;
    }
    draft.add_operator(DraftOperator {
        operator: Operator {
            name: operator.name,
            op_type: operator.op_type,
            domain: operator.domain,
            attributes: operator.attributes,
            inputs,
            outputs,
        },
        tensor: None,
    })
}

/// A graph whose shapes are those that the text states.
fn stated(draft: Draft) -> Result<Graph, GraphError> {
    let Draft { name, opset, inputs, outputs, mut tensors, operators, .. } = draft;
    for (position, DraftOperator { operator, .. }) in operators.iter().enumerate() {
        for id in operator.outputs.iter().flatten() {
            let tensor = &mut tensors[id.0 as usize];
            let Some(shape) = tensor.stated_shape.clone() else {
                return Err(GraphError::Shape {
                    operator: label(&operator.name, &operator.op_type, position),
                    op_type: operator.op_type.clone(),
                    reason: "shapes of TensorFlow Lite operators are not inferred; state them with `shapes`"
                        .to_owned(),
                });
            };
            tensor.fact = Some(Fact::activation(shape, tensor.stated_element.unwrap_or(ElementType::F32)));
        }
    }
    compact(name, opset, inputs, outputs, tensors, operators.into_iter().map(|o| o.operator).collect())
}

/// Where two graphs differ in what a simulation can see: operators with their attributes, shapes, element
/// types, constants, quantisation and how they are connected, but not the names of tensors.
#[must_use]
pub fn difference(a: &Graph, b: &Graph) -> Option<String> {
    if (a.opset, a.operators.len()) != (b.opset, b.operators.len()) {
        return Some(format!(
            "operator set {} with {} operators against {} with {}",
            a.opset,
            a.operators.len(),
            b.opset,
            b.operators.len()
        ));
    }
    let mut pairs: HashMap<TensorId, TensorId> = HashMap::new();
    let mut same = |x: Option<TensorId>, y: Option<TensorId>| match (x, y) {
        (None, None) => true,
        (Some(x), Some(y)) => {
            let (s, t) = (a.tensor(x), b.tensor(y));
            *pairs.entry(x).or_insert(y) == y
                && s.shape == t.shape
                && s.element == t.element
                && s.role == t.role
                && s.quantization == t.quantization
        }
        _ => false,
    };
    for (position, (p, q)) in a.operators.iter().zip(&b.operators).enumerate() {
        let who = label(&p.name, &p.op_type, position);
        if (&p.name, &p.op_type, &p.domain) != (&q.name, &q.op_type, &q.domain) {
            return Some(format!("{who} against {}", label(&q.name, &q.op_type, position)));
        }
        let sorted = |operator: &Operator| {
            let mut attributes = operator.attributes.clone();
            attributes.sort_by(|(x, _), (y, _)| x.cmp(y));
            attributes
        };
        if sorted(p) != sorted(q) {
            return Some(format!("attributes of {who}: {:?} against {:?}", p.attributes, q.attributes));
        }
        let lists = [(&p.inputs, &q.inputs), (&p.outputs, &q.outputs)];
        if lists.iter().any(|(x, y)| x.len() != y.len() || !x.iter().zip(*y).all(|(x, y)| same(*x, *y))) {
            return Some(format!("tensors of {who}"));
        }
    }
    let ends = [(&a.inputs, &b.inputs), (&a.outputs, &b.outputs)];
    let alike = ends
        .iter()
        .all(|(x, y)| x.len() == y.len() && x.iter().zip(y.iter()).all(|(&x, &y)| same(Some(x), Some(y))));
    (!alike).then(|| "inputs or outputs of the graph".to_owned())
}

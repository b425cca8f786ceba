//! From the tables of a TFLite file to a graph.

use super::super::error::GraphError;
use super::super::model::{
    ConstantData, ElementType, Graph, Operator, Quantization, Tensor, TensorId, TensorRole,
};
use super::super::onnx::{MAX_ELEMENTS, MAX_FILE_BYTES, MAX_NODES, MAX_RANK};
use super::flatbuffer::{Buffer, Table};
use super::{builtin, options};

/// Constants up to this many elements keep their content.
const KEPT_ELEMENTS: u64 = 4096;

/// Reads a TFLite file as the graph called `name`, operators and tensors in the file's order.
///
/// A tensor is constant when it is neither fed from outside nor written by an operator, so that files whose weights
/// were stripped read like complete ones. Custom operators are called `CUSTOM:name`.
///
/// # Errors
/// [`GraphError`] for everything that is not one sub-graph with static shapes: broken references, several
/// sub-graphs, control flow, element types that are no numbers.
pub fn read_tflite(bytes: &[u8], name: &str) -> Result<Graph, GraphError> {
    limit("the size of the file in bytes", bytes.len() as u64, MAX_FILE_BYTES)?;
    if bytes.get(4..8) != Some(b"TFL3") {
        return Err(GraphError::Decode {
            format: "TFLite",
            reason: "the identifier TFL3 is missing at byte 4".to_owned(),
        });
    }
    let buffer = Buffer::new(bytes);
    let model = buffer.root()?;
    let version = model.scalar::<u32>(0, 0)?;
    if version != 3 {
        return Err(malformed(format!("the schema version is {version}; only version 3 is supported")));
    }
    let subgraphs = model.tables(2)?;
    let [subgraph] = subgraphs.as_slice() else {
        return Err(match subgraphs.len() {
            0 => malformed("the model has no sub-graph".to_owned()),
            count => GraphError::ControlFlow {
                operator: subgraphs.get(1).map(|s| s.text(4)).transpose()?.unwrap_or_default(),
                what: format!("{count} sub-graphs"),
            },
        });
    };
    let codes = model.tables(1)?.into_iter().map(operator_name).collect::<Result<Vec<_>, _>>()?;
    let buffers = model.tables(4)?;
    let tables = subgraph.tables(0)?;
    limit("the number of tensors", tables.len() as u64, MAX_NODES)?;
    let operator_tables = subgraph.tables(3)?;
    limit("the number of operators", operator_tables.len() as u64, MAX_NODES)?;

    let mut tensors = Vec::with_capacity(tables.len());
    let mut stores = Vec::with_capacity(tables.len());
    let mut variables = Vec::with_capacity(tables.len());
    for (index, table) in tables.into_iter().enumerate() {
        tensors.push(tensor(table, index)?);
        stores.push(table.scalar::<u32>(2, 0)?);
        variables.push(table.scalar::<u8>(5, 0)? != 0);
    }
    let ids = |numbers: Vec<i32>, what: &str| {
        let ids = numbers.into_iter().map(|n| match id(n, tensors.len(), what)? {
            Some(id) => Ok(id),
            None => Err(malformed(format!("{what} names no tensor"))),
        });
        ids.collect::<Result<Vec<_>, GraphError>>()
    };
    let inputs = ids(subgraph.numbers(1)?, "the list of graph inputs")?;
    let outputs = ids(subgraph.numbers(2)?, "the list of graph outputs")?;
    let mut operators = Vec::with_capacity(operator_tables.len());
    for (index, table) in operator_tables.into_iter().enumerate() {
        operators.push(operator(table, index, &codes, tensors.len())?);
    }
    check_order(&tensors, &variables, &inputs, &operators)?;

    let mut written = vec![false; tensors.len()];
    let produced = operators.iter().flat_map(|op: &Operator| op.outputs.iter().flatten());
    for id in inputs.iter().chain(produced) {
        if let Some(flag) = written.get_mut(id.0 as usize) {
            *flag = true;
        }
    }
    for (index, tensor) in tensors.iter_mut().enumerate() {
        if written[index] || variables[index] {
            continue;
        }
        let store = buffers.get(stores[index] as usize).copied();
        tensor.role = TensorRole::Constant(content(tensor, store)?);
    }
    Ok(Graph { name: name.to_owned(), opset: 0, inputs, outputs, tensors, operators })
}

fn malformed(reason: String) -> GraphError {
    GraphError::Malformed { reason }
}

fn limit(what: &str, value: u64, limit: u64) -> Result<(), GraphError> {
    if value > limit { Err(GraphError::Limit { what: what.to_owned(), value, limit }) } else { Ok(()) }
}

/// A tensor number; -1 is an absent optional tensor.
fn id(number: i32, tensors: usize, what: &str) -> Result<Option<TensorId>, GraphError> {
    match u32::try_from(number) {
        Err(_) if number == -1 => Ok(None),
        Ok(n) if (n as usize) < tensors => Ok(Some(TensorId(n))),
        _ => Err(malformed(format!("{what} names tensor {number}, but there are {tensors}"))),
    }
}

/// The operator's name: files of before schema 3a keep the code in the first, narrower field.
fn operator_name(table: Table<'_>) -> Result<String, GraphError> {
    let code = table.scalar::<i32>(3, 0)?.max(table.scalar::<i8>(0, 0)?.into());
    let name = builtin::operator(code);
    if name != "CUSTOM" {
        return Ok(name);
    }
    Ok(format!("CUSTOM:{}", table.text(1)?.escape_debug()))
}

fn tensor(table: Table<'_>, index: usize) -> Result<Tensor, GraphError> {
    let name = table.text(3)?;
    let name = if name.is_empty() { format!("tensor_{index}") } else { name };
    let dims = table.numbers::<i32>(0)?;
    limit(
        &format!("the number of dimensions of tensor `{}`", name.escape_debug()),
        dims.len() as u64,
        MAX_RANK as u64,
    )?;
    let mut shape = Vec::with_capacity(dims.len());
    for dim in dims {
        shape.push(u64::try_from(dim).map_err(|_| {
            malformed(format!(
                "tensor `{}` has dimension {dim}; fix the input shapes before conversion",
                name.escape_debug()
            ))
        })?);
    }
    let code = table.scalar::<i8>(1, 0)?;
    let element = builtin::element(code).ok_or_else(|| GraphError::ElementType {
        tensor: name.escape_debug().to_string(),
        element: match code {
            5 => "string".to_owned(),
            8 | 11 => "complex".to_owned(),
            13 => "resource (a variable that was not frozen; TFLiteConverter.from_keras_model freezes them)"
                .to_owned(),
            14 => "variant".to_owned(),
            _ => format!("{code} of TFLite's TensorType"),
        },
    })?;
    let tensor = Tensor {
        shape,
        element,
        role: TensorRole::Activation,
        quantization: table.table(4)?.map(quantization).transpose()?.flatten(),
        name,
    };
    limit(
        &format!("the number of elements of tensor `{}`", tensor.name.escape_debug()),
        tensor.elements(),
        MAX_ELEMENTS,
    )?;
    if let Some(quantization) = &tensor.quantization
        && quantization.scales.len() > 1
        && tensor.shape.get(quantization.axis) != Some(&(quantization.scales.len() as u64))
    {
        return Err(malformed(format!(
            "tensor `{}` has {} scales along dimension {}, which has another size",
            tensor.name.escape_debug(),
            quantization.scales.len(),
            quantization.axis
        )));
    }
    Ok(tensor)
}

/// Scales and zero points; a table without scales only records a range and quantises nothing.
fn quantization(table: Table<'_>) -> Result<Option<Quantization>, GraphError> {
    let scales = table.numbers::<f32>(2)?;
    let mut zero_points = table.numbers::<i64>(3)?;
    if scales.is_empty() {
        return Ok(None);
    }
    if zero_points.is_empty() {
        zero_points = vec![0; scales.len()];
    }
    if zero_points.len() != scales.len() {
        return Err(malformed(format!(
            "{} scales stand beside {} zero points",
            scales.len(),
            zero_points.len()
        )));
    }
    let axis = table.scalar::<i32>(6, 0)?;
    let axis = usize::try_from(axis).map_err(|_| malformed(format!("the quantised dimension is {axis}")))?;
    Ok(Some(Quantization { scales, zero_points, axis }))
}

fn operator(
    table: Table<'_>,
    index: usize,
    codes: &[String],
    tensors: usize,
) -> Result<Operator, GraphError> {
    let code = table.scalar::<u32>(0, 0)?;
    let op_type = codes
        .get(code as usize)
        .ok_or_else(|| malformed(format!("operator {index} has code {code}, but there are {}", codes.len())))?
        .clone();
    if builtin::is_control_flow(&op_type) {
        return Err(GraphError::ControlFlow { operator: format!("{op_type}_{index}"), what: op_type });
    }
    let what = format!("operator {index} ({op_type})");
    let list = |slot| -> Result<Vec<Option<TensorId>>, GraphError> {
        table.numbers::<i32>(slot)?.into_iter().map(|n| id(n, tensors, &what)).collect()
    };
    Ok(Operator {
        name: format!("{op_type}_{index}"),
        domain: String::new(),
        attributes: options::attributes(&op_type, table.table(4)?)?,
        inputs: list(1)?,
        outputs: list(2)?,
        op_type,
    })
}

/// Every tensor has one writer, and nothing reads what is written later: the file lists execution order.
fn check_order(
    tensors: &[Tensor],
    variables: &[bool],
    inputs: &[TensorId],
    operators: &[Operator],
) -> Result<(), GraphError> {
    let name = |id: TensorId| tensors[id.0 as usize].name.escape_debug().to_string();
    let mut writer: Vec<Option<usize>> = vec![None; tensors.len()];
    for (index, operator) in operators.iter().enumerate() {
        for &id in operator.outputs.iter().flatten() {
            if let Some(first) = writer[id.0 as usize].replace(index) {
                return Err(GraphError::DuplicateProducer {
                    tensor: name(id),
                    first: operators[first].name.clone(),
                    second: operator.name.clone(),
                });
            }
        }
    }
    for &id in inputs {
        if let Some(second) = writer[id.0 as usize] {
            return Err(GraphError::DuplicateProducer {
                tensor: name(id),
                first: "the graph's inputs".to_owned(),
                second: operators[second].name.clone(),
            });
        }
    }
    for (index, operator) in operators.iter().enumerate() {
        for &id in operator.inputs.iter().flatten() {
            let late = writer[id.0 as usize].is_some_and(|w| w >= index);
            if late && !variables[id.0 as usize] {
                return Err(malformed(format!(
                    "{} reads tensor `{}` before it is written; a TFLite file lists operators in execution order",
                    operator.name,
                    name(id)
                )));
            }
        }
    }
    Ok(())
}

/// The content of a small constant, when the file has it whole.
fn content(tensor: &Tensor, store: Option<Table<'_>>) -> Result<Option<ConstantData>, GraphError> {
    let Some(store) = store else { return Ok(None) };
    let complete = tensor.elements() <= KEPT_ELEMENTS && store.byte_length(0)? as u64 == tensor.bytes();
    if !complete {
        return Ok(None);
    }
    let integers = |values: Vec<i64>| Some(ConstantData::Integers(values));
    Ok(match tensor.element {
        // Contents are vectors of bytes, whatever they hold.
        ElementType::F32 => {
            let bytes = store.numbers::<u8>(0)?;
            let (chunks, _) = bytes.as_chunks::<4>();
            Some(ConstantData::Floats(chunks.iter().map(|&c| f64::from(f32::from_le_bytes(c))).collect()))
        }
        _ => match store_bytes(tensor.element, &store.numbers::<u8>(0)?) {
            Some(values) => integers(values),
            None => None,
        },
    })
}

fn store_bytes(element: ElementType, bytes: &[u8]) -> Option<Vec<i64>> {
    let width = (element.bits() / 8) as usize;
    if width == 0 {
        return None;
    }
    bytes
        .chunks_exact(width)
        .map(|chunk| {
            Some(match element {
                ElementType::I32 => i32::from_le_bytes(chunk.try_into().ok()?).into(),
                ElementType::I64 => i64::from_le_bytes(chunk.try_into().ok()?),
                ElementType::I16 => i16::from_le_bytes(chunk.try_into().ok()?).into(),
                ElementType::I8 => i8::from_le_bytes(chunk.try_into().ok()?).into(),
                ElementType::U8 | ElementType::Bool => (*chunk.first()?).into(),
                ElementType::U32 => u32::from_le_bytes(chunk.try_into().ok()?).into(),
                _ => return None,
            })
        })
        .collect()
}

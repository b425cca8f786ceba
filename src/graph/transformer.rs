//! Decoder-only transformers by their sizes, and the operators of one pass through them.
//!
//! A pass over `rows` new tokens with `context` tokens in the key-value cache afterwards has, for each layer: normalisation,
//! the product for queries, keys and values, rotation, scores, softmax, weighted values, output product, sum,
//! normalisation, gate and up product, activation, down product, sum; then the last normalisation and the product with the
//! vocabulary for the last row. Weights are read once for each pass, the cache by scores and values. What a pass over one
//! row costs is bytes of weights and cache; what a pass over a prompt costs is its multiply-accumulates.
//! Biases, normalisation weights and the causal half of the scores that some kernels skip are left out (below 1 %, and
//! below 5 % for prompts shorter than the hidden size).

use super::lowered::{Geometry, LoweredGraph, LoweredOperator, LoweredTensor, OperatorClass};

/// A decoder-only transformer.
#[derive(Debug, Clone, PartialEq)]
pub struct Transformer {
    /// Kebab-case name.
    pub id: String,
    /// Layers, at least 1.
    pub layers: u64,
    /// Width of the residual stream.
    pub hidden: u64,
    /// Query heads.
    pub heads: u64,
    /// Key-value heads, a divisor of `heads`.
    pub kv_heads: u64,
    /// Width of a head.
    pub head_size: u64,
    /// Width of the feed-forward part; gate and up products have it each.
    pub feed_forward: u64,
    /// Size of the vocabulary.
    pub vocabulary: u64,
    /// Whether the embedding is also the product with the vocabulary.
    pub tied: bool,
    /// Bits of a weight as stored, scales included.
    pub weight_bits: f64,
    /// Bits of an element of the key-value cache.
    pub cache_bits: f64,
}

/// Builds the graph: a row of operators, each reading what the one before has written.
struct Builder<'a> {
    model: &'a Transformer,
    graph: LoweredGraph,
    last: u32,
}

impl Transformer {
    /// Weights that take part in products.
    #[must_use]
    pub fn product_weights(&self) -> u64 {
        let attention = self.hidden * self.head_size * (2 * self.heads + 2 * self.kv_heads);
        self.layers * (attention + 3 * self.hidden * self.feed_forward) + self.hidden * self.vocabulary
    }

    /// All weights, the embedding included.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.product_weights() + if self.tied { 0 } else { self.hidden * self.vocabulary }
    }

    /// Bytes that one token adds to the cache.
    #[must_use]
    pub fn cache_bytes_per_token(&self) -> f64 {
        (2 * self.layers * self.kv_heads * self.head_size) as f64 * self.cache_bits / 8.0
    }

    /// One pass over `rows` tokens, after which the cache holds `context` tokens, at least `rows`.
    #[must_use]
    pub fn pass(&self, rows: u64, context: u64) -> LoweredGraph {
        let mut b = Builder {
            model: self,
            graph: LoweredGraph { name: self.id.clone(), ..LoweredGraph::default() },
            last: 0,
        };
        b.tensor("tokens", rows);
        b.graph.inputs.push(0);
        let row_bytes = self.hidden as f64 * self.weight_bits / 8.0;
        b.moves("embedding", rows * self.hidden, row_bytes * rows as f64);
        let (query, kv) = (self.heads * self.head_size, self.kv_heads * self.head_size);
        let cache = context as f64 * kv as f64 * self.cache_bits / 8.0;
        for layer in 0..self.layers {
            let name = |part: &str| format!("layer {layer} {part}");
            b.elements(&name("norm"), OperatorClass::Normalization, rows * self.hidden);
            b.product(&name("query, key, value"), rows, self.hidden, query + 2 * kv);
            b.elements(&name("rotation"), OperatorClass::Elementwise, rows * (query + kv));
            b.attention(&name("scores"), rows, self.head_size, context, cache);
            b.elements(&name("softmax"), OperatorClass::Softmax, self.heads * rows * context);
            b.attention(&name("values"), rows, context, self.head_size, cache);
            b.product(&name("output"), rows, query, self.hidden);
            b.elements(&name("sum"), OperatorClass::Elementwise, rows * self.hidden);
            b.elements(&name("second norm"), OperatorClass::Normalization, rows * self.hidden);
            b.product(&name("gate and up"), rows, self.hidden, 2 * self.feed_forward);
            b.elements(&name("gated activation"), OperatorClass::Elementwise, rows * self.feed_forward);
            b.product(&name("down"), rows, self.feed_forward, self.hidden);
            b.elements(&name("second sum"), OperatorClass::Elementwise, rows * self.hidden);
        }
        b.elements("last norm", OperatorClass::Normalization, self.hidden);
        b.product("vocabulary", 1, self.hidden, self.vocabulary);
        let last = b.last;
        b.graph.outputs.push(last);
        b.graph
    }
}

impl Builder<'_> {
    fn tensor(&mut self, name: &str, elements: u64) -> u32 {
        // Their type is the runtime's, whatever the precision of the weights.
        self.graph.tensors.push(LoweredTensor {
            name: name.to_owned(),
            shape: vec![1, elements],
            elements,
            element_bytes: 4.0,
            is_float: false,
            shared: false,
        });
        (self.graph.tensors.len() - 1) as u32
    }

    #[expect(clippy::too_many_arguments, reason = "one place that makes operators")]
    fn push(
        &mut self,
        name: &str,
        op_type: &str,
        class: OperatorClass,
        geometry: Geometry,
        macs: u64,
        constant_bytes: f64,
        written: u64,
    ) {
        let output = self.tensor(name, written);
        let bytes = constant_bytes.round() as u64;
        self.graph.operators.push(LoweredOperator {
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            class,
            geometry,
            macs,
            weight_bytes_read: bytes,
            weight_bytes: bytes,
            inputs: vec![self.last],
            outputs: vec![output],
            fused: Vec::new(),
            sources: Vec::new(),
        });
        self.last = output;
    }

    fn product(&mut self, name: &str, m: u64, k: u64, n: u64) {
        let bytes = (k * n) as f64 * self.model.weight_bits / 8.0;
        let geometry = Geometry::MatMul { batch: 1, m, n, k };
        self.push(name, "FULLY_CONNECTED", OperatorClass::FullyConnected, geometry, m * n * k, bytes, m * n);
    }

    fn attention(&mut self, name: &str, m: u64, k: u64, n: u64, cache: f64) {
        let batch = self.model.heads;
        let geometry = Geometry::MatMul { batch, m, n, k };
        self.push(
            name,
            "BATCH_MATMUL",
            OperatorClass::MatMul,
            geometry,
            batch * m * n * k,
            cache,
            batch * m * n,
        );
    }

    fn elements(&mut self, name: &str, class: OperatorClass, elements: u64) {
        let op_type = if class == OperatorClass::Softmax { "SOFTMAX" } else { "MUL" };
        let geometry = Geometry::Elements { read: elements, written: elements };
        self.push(name, op_type, class, geometry, 0, 0.0, elements);
    }

    fn moves(&mut self, name: &str, elements: u64, bytes: f64) {
        let geometry = Geometry::Elements { read: 0, written: elements };
        self.push(name, "GATHER", OperatorClass::DataMovement, geometry, 0, bytes, elements);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn llama_3_2_1b() -> Transformer {
        Transformer {
            id: "llama-3.2-1b".to_owned(),
            layers: 16,
            hidden: 2048,
            heads: 32,
            kv_heads: 8,
            head_size: 64,
            feed_forward: 8192,
            vocabulary: 128_256,
            tied: true,
            weight_bits: 4.5,
            cache_bits: 16.0,
        }
    }

    #[test]
    fn parameters_are_those_that_are_published() {
        // 1,235,814,400 with normalisation weights (2 x 16 + 1 vectors of 2048).
        assert_eq!(llama_3_2_1b().parameters() + 33 * 2048, 1_235_814_400);
        // 32 KiB for each token: 16 layers, 8 heads of 64, keys and values, two bytes.
        assert_eq!(llama_3_2_1b().cache_bytes_per_token(), 32_768.0);
    }

    #[test]
    fn a_pass_reads_all_weights_and_the_cache_once() {
        let model = llama_3_2_1b();
        let graph = model.pass(1, 200);
        let bytes: u64 = graph.operators.iter().map(|op| op.weight_bytes_read).sum();
        let expected = model.product_weights() as f64 * 4.5 / 8.0
            + 200.0 * model.cache_bytes_per_token()
            + 2048.0 * 4.5 / 8.0;
        assert!((bytes as f64 - expected).abs() < 100.0, "{bytes} {expected}");
        let macs: u64 = graph.operators.iter().map(|op| op.macs).sum();
        assert_eq!(macs, model.product_weights() + 16 * 2 * 32 * 64 * 200);
        // A prompt multiplies all but the vocabulary, which the last row alone needs.
        let prompt: u64 = model.pass(128, 128).operators.iter().map(|op| op.macs).sum();
        let head = 2048 * 128_256;
        assert_eq!(prompt, 128 * (model.product_weights() - head) + head + 16 * 2 * 32 * 64 * 128 * 128);
        assert_eq!(graph.dag().len(), graph.operators.len());
    }
}

//! Names and meanings of the coefficients of [`super::tflite_gpu`].

use super::fitted::{CoefficientInfo, Role};

/// Where the factor of Winograd kernels lies on Adreno.
pub const WINOGRAD: usize = 55;
/// Where the coefficients of the unlisted part lie.
pub const REMAINDER: std::ops::Range<usize> = 56..60;

const fn time(name: &'static str, meaning: &'static str) -> CoefficientInfo {
    CoefficientInfo { name, role: Role::Time, of_sets: false, meaning }
}

const fn ratio(name: &'static str, meaning: &'static str) -> CoefficientInfo {
    CoefficientInfo { name, role: Role::Ratio, of_sets: false, meaning }
}

/// The coefficients, class by class; times in microseconds, those per element or byte in nanoseconds.
pub const COEFFICIENTS: [CoefficientInfo; 60] = [
    time("constant_launch_us", "launch of a convolution with weights in constant memory"),
    time("constant_product_ns", "product of a slice"),
    time("constant_write_ns", "output slice"),
    time("constant_read_ns", "input slice read"),
    ratio("constant_exponent", "combination of latency and throughput"),
    time("constant_iteration_us", "latency of one inner iteration"),
    time("depthwise_launch_us", "launch of a depthwise convolution"),
    time("depthwise_product_ns", "product of a slice"),
    ratio("depthwise_large_factor", "factor on windows above 3x3"),
    ratio("depthwise_stride_factor", "factor at stride 2"),
    time("depthwise_traffic_us_per_kb", "activations"),
    ratio("depthwise_exponent", "combination of products and traffic"),
    time("depthwise_3_launch_us", "launch of the 3x3 kernel at stride 1"),
    time("depthwise_3_block_ns", "block of 2x2 outputs of a slice"),
    time("depthwise_3_traffic_us_per_kb", "activations"),
    ratio("depthwise_3_exponent", "combination of blocks and traffic"),
    time("dense_launch_us", "launch of a fully connected layer"),
    time("dense_iteration_us", "four slices of the sum"),
    time("dense_weights_us_per_kb", "weights"),
    ratio("dense_cache_kb", "weights above this cost more"),
    time("dense_weights_beyond_us_per_kb", "weights above it, on top"),
    time("mean_launch_us", "launch of a global average"),
    time("mean_element_ns", "slice of a pixel"),
    time("mean_group_us", "32 work-groups"),
    ratio("mean_squeeze_factor", "factor in a squeeze branch"),
    time("pooling_launch_us", "launch of a pooling"),
    time("pooling_element_ns", "window element of an output slice"),
    time("pooling_traffic_us_per_kb", "activations"),
    time("concatenation_launch_us", "launch of a concatenation"),
    time("concatenation_operand_us", "operand"),
    time("concatenation_slice_us", "latency of an output slice"),
    time("concatenation_element_ns", "output slice of a pixel"),
    ratio("concatenation_exponent", "combination of latency and throughput"),
    time("grouped_launch_us", "launch of a grouped convolution"),
    time("grouped_iteration_us", "latency of one inner iteration"),
    time("grouped_product_ns", "product of slices"),
    time("grouped_traffic_us_per_kb", "activations"),
    ratio("grouped_exponent", "combination of products and traffic"),
    time("convolution_launch_us", "launch of the generic convolution"),
    time("convolution_block_1_us", "iteration of a thread with 1 output"),
    time("convolution_block_2_us", "with 2 outputs"),
    time("convolution_block_4_us", "with 4 outputs"),
    time("convolution_block_8_us", "with 8 outputs"),
    ratio("convolution_window_1_factor", "factor of windows and strides, 1 output"),
    ratio("convolution_window_2_factor", "2 outputs"),
    ratio("convolution_window_4_factor", "4 outputs"),
    ratio("convolution_window_8_factor", "8 outputs"),
    ratio("convolution_wave_rounding", "share of the last, partly filled round of waves that counts"),
    ratio("convolution_wave_factor", "slowdown for each round of resident waves, 1x1"),
    ratio("convolution_window_wave_factor", "the same for windows and strides"),
    ratio("convolution_latency_exponent", "combination of latency and throughput"),
    ratio("convolution_weights_exponent", "combination with weights"),
    time("convolution_weights_us_per_kb", "weights"),
    time("convolution_read_us_per_kb", "input activations"),
    time("convolution_write_us_per_kb", "output activations"),
    ratio(
        "winograd_factor",
        "time over that of the generic rule on 36 tile products (declared, no data on Adreno)",
    ),
    time("inference_us", "submission and host time of an inference, crossings excluded"),
    ratio("unlisted_share", "unlisted part as a share of the sum of a short inference"),
    time("unlisted_saturation_us", "sum at which that share has halved"),
    time("unlisted_squeeze_us", "unlisted kernels of one squeeze branch"),
];

/// The coefficients of Mali and Apple GPUs: the shared classes, then convolutions, Winograd, the remainder.
pub const OTHER_COEFFICIENTS: [CoefficientInfo; 60] = other_coefficients();

const fn other_coefficients() -> [CoefficientInfo; 60] {
    let own = [
        time("convolution_launch_us", "launch of the generic convolution"),
        time("convolution_latency_us", "latency of one inner iteration, 1x1"),
        time("convolution_window_latency_us", "the same for windows"),
        time("convolution_block_1_us", "iteration of a wave, 1 output per thread"),
        time("convolution_block_2_us", "2 outputs"),
        time("convolution_block_4_us", "4 outputs"),
        time("convolution_block_8_us", "8 outputs"),
        ratio("convolution_window_factor", "factor of windows"),
        ratio("convolution_latency_exponent", "combination of latency and throughput"),
        ratio("convolution_weights_exponent", "combination with weights"),
        time("convolution_weights_us_per_kb", "weights"),
        time("convolution_weights_beyond_us_per_kb", "weights above the cache, on top"),
        ratio("convolution_cache_kb", "weights above this cost more"),
        time("convolution_read_us_per_kb", "input activations"),
        time("convolution_write_us_per_kb", "output activations"),
        time("winograd_launch_us", "launch of a Winograd convolution"),
        time("winograd_product_ps", "product of a tile element"),
        time("winograd_weights_us_per_kb", "weights"),
        time("winograd_transform_us_per_kb", "transformed activations"),
        ratio("winograd_exponent", "combination of products and weights"),
        time("depthwise_3_stride_2_launch_us", "launch of the 3x3 kernel at stride 2 (Apple)"),
        time("depthwise_3_stride_2_product_ns", "product of a slice"),
        time("depthwise_3_stride_2_traffic_us_per_kb", "activations"),
        ratio("depthwise_3_stride_2_exponent", "combination of products and traffic"),
    ];
    let mut all = [COEFFICIENTS[0]; 60];
    let mut i = 0;
    while i < 60 {
        all[i] = if i < 32 {
            COEFFICIENTS[i + 6]
        } else if i < 56 {
            own[i - 32]
        } else {
            COEFFICIENTS[i]
        };
        i += 1;
    }
    all
}

// The arithmetic of packed.cpp, compiled once an instruction set (each_isa.hpp).

typedef int8_t bytes __attribute__((vector_size(lanes), aligned(1), may_alias));
typedef uint16_t halves __attribute__((vector_size(2 * lanes), aligned(2), may_alias));
typedef uint32_t words __attribute__((vector_size(4 * lanes)));

// A row of int8 as float32. `room` of `out` is whole vectors; what is beyond `rank` is left alone.
void of_int8(const void* in, int64_t rank, float* out) {
    const auto* x = static_cast<const int8_t*>(in);
    int64_t f = 0;
    for (; f + lanes <= rank; f += lanes)
        store(out + f, __builtin_convertvector(*reinterpret_cast<const bytes*>(x + f), vec));
    for (; f < rank; ++f) out[f] = static_cast<float>(x[f]);
}

// A row of float16 as float32: its bits are moved to where float32 has them, and the difference of the biases of the
// exponents, 112, is made up for by a product, which is exact and right for subnormal numbers too.
void of_float16(const void* in, int64_t rank, float* out) {
    const auto* x = static_cast<const uint16_t*>(in);
    int64_t f = 0;
    for (; f + lanes <= rank; f += lanes) {
        const words b = __builtin_convertvector(*reinterpret_cast<const halves*>(x + f), words);
        const words moved = ((b & 0x8000u) << 16) | ((b & 0x7fffu) << 13);
        store(out + f, (vec)moved * 0x1p112f);
    }
    for (; f < rank; ++f) {
        const uint32_t b = x[f], moved = ((b & 0x8000u) << 16) | ((b & 0x7fffu) << 13);
        float number;
        __builtin_memcpy(&number, &moved, sizeof number);
        out[f] = number * 0x1p112f;
    }
}

// x . y over `room` numbers, whole vectors.
float dot(const float* x, const float* y, int64_t room) {
    vec s = vec{}, t = vec{};
    int64_t f = 0;
    for (; f + 2 * lanes <= room; f += 2 * lanes) {
        s += load(x + f) * load(y + f);
        t += load(x + f + lanes) * load(y + f + lanes);
    }
    if (f < room) s += load(x + f) * load(y + f);
    float part[lanes];
    store(part, s + t);
    for (int h = lanes / 2; h > 0; h /= 2)
        for (int i = 0; i < h; ++i) part[i] += part[i + h];
    return part[0];
}

// What the hardware can do: the cases of interface.py in C++, one text for a lane of AVX-512 intrinsics (eight
// trajectories at once) and for a portable scalar lane. Random words are xoshiro256++ (Blackman and Vigna, 2021), one
// stream a lane; normals are Box-Muller by polynomials in the wide lane and the ziggurat (Marsaglia and Tsang, 2000) in
// the scalar one. Called by cpp.py.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>
#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define WIDE 1
#include <immintrin.h>
#endif

namespace {

// Sizes are known to the compiler; cpp.py refuses a case of another size.
constexpr int FEW = 10, MANY = 100;
constexpr uint64_t GOLDEN = 0x9E3779B97F4A7C15;

struct Case {
    int64_t rule, trajectories, steps, record;
    double lr, deviation, beta1, beta2, beta0, beta3, eps, barrier;
    const double *curvatures, *root;
};

enum Rule { SGD, MOMENTUM, ADAM, ADAI };

uint64_t mix(uint64_t x) {  // the finalizer of splitmix64
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
}

// The four words of state of a trajectory's stream.
void seed_words(int64_t trajectory, uint64_t *words) {
    uint64_t x = mix(trajectory + 1);
    for (int k = 0; k < 4; k++) words[k] = mix(x += GOLDEN);
}

// ---------------------------------------------------------------------------------------------------- scalar lane

inline double fma_(double a, double b, double c) { return a * b + c; }
inline double root(double a) { return std::sqrt(a); }
inline double over(double a) { return 1.0 / a; }
inline double least(double a, double b) { return a < b ? a : b; }
inline double most(double a, double b) { return a > b ? a : b; }
inline unsigned not_below_zero(double a) { return a >= 0.0; }
inline double total(double a) { return a; }
inline void put(double &a, int, double x) { a = x; }

constexpr int LAYERS = 256;
double layer_x[LAYERS + 1], layer_y[LAYERS + 1];

// Layers of equal area under exp(-x^2/2): the lowest, with the tail, as wide as its area over its height.
void build_ziggurat() {
    const double edge = 3.6541528853610088, area = 0.00492867323399;
    auto density = [](double x) { return std::exp(-0.5 * x * x); };
    layer_x[0] = area / density(edge);
    layer_x[1] = edge;
    for (int k = 2; k < LAYERS; k++) layer_x[k] = std::sqrt(-2.0 * std::log(area / layer_x[k - 1] + density(layer_x[k - 1])));
    layer_x[LAYERS] = 0.0;
    for (int k = 0; k <= LAYERS; k++) layer_y[k] = density(layer_x[k]);
}

struct Stream {
    uint64_t s[4];

    void seed(int, int64_t trajectory) { seed_words(trajectory, s); }

    static uint64_t turn(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

    uint64_t word() {
        uint64_t out = turn(s[0] + s[3], 23) + s[0], shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = turn(s[3], 45);
        return out;
    }

    double uniform() { return ((word() >> 11) + 0.5) * 0x1p-53; }

    double normal() {
        for (;;) {
            uint64_t bits = word();
            int k = bits & (LAYERS - 1);
            double x = (int64_t(bits) >> 9) * 0x1p-54 * layer_x[k];
            if (__builtin_expect(std::fabs(x) < layer_x[k + 1], 1)) return x;
            if (k == 0) {
                double a, b;
                do {
                    a = -std::log(uniform()) / layer_x[1];
                    b = -std::log(uniform());
                } while (b + b < a * a);
                return x > 0.0 ? layer_x[1] + a : -layer_x[1] - a;
            }
            if (layer_y[k] + uniform() * (layer_y[k + 1] - layer_y[k]) < std::exp(-0.5 * x * x)) return x;
        }
    }

    void pair(double &a, double &b) {
        a = normal();
        b = normal();
    }
};

struct Scalar {
    using V = double;
    using Source = Stream;
    static constexpr int LANES = 1, GROUPS = 4, DENSE = 8;
};

// ------------------------------------------------------------------------------------------------------ wide lane

#ifdef WIDE
struct Eight {
    __m512d v;
    Eight() = default;
    Eight(__m512d x) : v(x) {}
    Eight(double x) : v(_mm512_set1_pd(x)) {}
};

inline Eight operator+(Eight a, Eight b) { return _mm512_add_pd(a.v, b.v); }
inline Eight operator-(Eight a, Eight b) { return _mm512_sub_pd(a.v, b.v); }
inline Eight operator*(Eight a, Eight b) { return _mm512_mul_pd(a.v, b.v); }
inline Eight fma_(Eight a, Eight b, Eight c) { return _mm512_fmadd_pd(a.v, b.v, c.v); }
inline Eight least(Eight a, Eight b) { return _mm512_min_pd(a.v, b.v); }
inline Eight most(Eight a, Eight b) { return _mm512_max_pd(a.v, b.v); }
inline unsigned not_below_zero(Eight a) { return _mm512_cmp_pd_mask(a.v, _mm512_setzero_pd(), _CMP_GE_OQ); }
inline double total(Eight a) { return _mm512_reduce_add_pd(a.v); }
inline void put(Eight &a, int lane, double x) { a.v = _mm512_mask_mov_pd(a.v, 1 << lane, _mm512_set1_pd(x)); }

// Seeds of 14 bits and one step of the third order: relative error below 1e-12.
inline Eight over(Eight a) {
    Eight r = _mm512_rcp14_pd(a.v), e = _mm512_fnmadd_pd(a.v, r.v, _mm512_set1_pd(1.0));
    return fma_(r * e, e + 1.0, r);
}
inline Eight root(Eight a) {
    Eight r = _mm512_rsqrt14_pd(a.v), ar = a * r, e = _mm512_fnmadd_pd(ar.v, r.v, _mm512_set1_pd(1.0));
    return fma_(ar * e, fma_(e, 0.375, 0.5), ar);
}

template <int N> inline Eight polynomial(Eight x, const double (&c)[N]) {
    Eight p = c[N - 1];
    for (int k = N - 2; k >= 0; k--) p = fma_(p, x, c[k]);
    return p;
}

// log(1 + t)/t on [1/sqrt(2), sqrt(2)], sin(pi v/2)/v and cos(pi v/2) of v^2 on [0, 1]: minimax, errors below 3e-10.
constexpr double LOG[] = {1.000000000018208, -0.5000000034827409, 0.33333332352581246, -0.24999930973785334,
                          0.20000044486190946, -0.16670546618638227, 0.14287541200277598, -0.12410914138711407,
                          0.10995920230362406, -0.10857499779874535, 0.10845461634758702, -0.06152311943314019};
constexpr double SINE[] = {1.5707963267682232, -0.645964095582007, 0.07969260374856643,
                           -0.004681657883522327, 0.00016025479154872785, -3.431869480255673e-06};
constexpr double COSINE[] = {0.9999999997806619, -1.233700534307268, 0.253669322772172,
                             -0.020862688386601918, 0.0009177248402994349, -2.3824918602133996e-05};

struct WideStream {
    __m512i s[4];

    void seed(int lane, int64_t trajectory) {
        uint64_t words[4];
        seed_words(trajectory, words);
        for (int k = 0; k < 4; k++) s[k] = _mm512_mask_set1_epi64(s[k], 1 << lane, words[k]);
    }

    __m512i word() {
        __m512i out = _mm512_add_epi64(_mm512_rol_epi64(_mm512_add_epi64(s[0], s[3]), 23), s[0]);
        __m512i shifted = _mm512_slli_epi64(s[1], 17);
        s[2] = _mm512_xor_si512(s[2], s[0]);
        s[3] = _mm512_xor_si512(s[3], s[1]);
        s[1] = _mm512_xor_si512(s[1], s[2]);
        s[0] = _mm512_xor_si512(s[0], s[3]);
        s[2] = _mm512_xor_si512(s[2], shifted);
        s[3] = _mm512_rol_epi64(s[3], 45);
        return out;
    }

    void pair(Eight &first, Eight &second) {
        __m512i a = word(), b = word();
        // u = 2^e (1 + t) with 1 + t in [1/sqrt(2), sqrt(2)), from 63 bits; the radius is sqrt(-2 log(u 2^-63)).
        Eight u = Eight(_mm512_cvtepu64_pd(_mm512_srli_epi64(a, 1))) + 0.5;
        __m512i bits = _mm512_castpd_si512(u.v);
        __m512i e = _mm512_srai_epi64(_mm512_sub_epi64(bits, _mm512_set1_epi64(0x3FE6A09E667F3BCD)), 52);
        Eight t = Eight(_mm512_castsi512_pd(_mm512_sub_epi64(bits, _mm512_slli_epi64(e, 52)))) - 1.0;
        Eight high = (Eight(63.0) - _mm512_cvtepi64_pd(e)) * (2.0 * M_LN2);
        Eight square = fma_(t * -2.0, polynomial(t, LOG), high);
        Eight radius = _mm512_sqrt_pd(most(square, 0.0).v);
        // An angle in [-pi/2, pi/2) from the signed word; its lowest bit decides the half-plane.
        Eight v = Eight(_mm512_cvtepi64_pd(b)) * 0x1p-63, y = v * v;
        __m512i cosine = _mm512_castpd_si512(polynomial(y, COSINE).v);
        Eight turned = _mm512_castsi512_pd(_mm512_xor_si512(cosine, _mm512_slli_epi64(b, 63)));
        first = radius * (v * polynomial(y, SINE));
        second = radius * turned;
    }
};

struct Wide {
    using V = Eight;
    using Source = WideStream;
    static constexpr int LANES = 8, GROUPS = 4, DENSE = 4;
};
#endif

// ---------------------------------------------------------------------------------------------------------- cases

// First passage of x >= 0 from -1; a lane whose trajectory is over takes the next one. Returns steps and the censored.
template <class Lane> void escape(const Case &c, double *out) {
    using V = typename Lane::V;
    constexpr int G = Lane::GROUPS, L = Lane::LANES;
    const double pull = 4.0 * c.barrier * c.lr;
    const V a = 1.0 + pull, b = -pull, s = c.lr * c.deviation;
    typename Lane::Source source[G];
    V x[G];
    int64_t born[G][L], next = 0, steps = 0, censored = 0, alive = 0, due[G];
    unsigned busy[G];
    for (int g = 0; g < G; g++) {
        busy[g] = 0;
        due[g] = c.steps;
        x[g] = -1.0;
        for (int l = 0; l < L; l++) {
            source[g].seed(l, next);
            born[g][l] = 0;
            if (next < c.trajectories) busy[g] |= 1u << l, alive++;
            next++;
        }
    }
    // Two steps at a time, of which caps are multiples.
    for (int64_t t = 2; alive > 0; t += 2) {
        for (int g = 0; g < G; g++) {
            V z0, z1;
            source[g].pair(z0, z1);
            V x1 = fma_(s, z0, x[g] * fma_(x[g] * x[g], b, a));
            V x2 = fma_(s, z1, x1 * fma_(x1 * x1, b, a));
            x[g] = x2;
            unsigned at1 = not_below_zero(x1), at2 = not_below_zero(x2);
            unsigned gone = (at1 | at2) & busy[g];
            if (__builtin_expect(gone == 0 && t < due[g], 1)) continue;
            due[g] = INT64_MAX;
            for (int l = 0; l < L; l++) {
                if (!(busy[g] >> l & 1)) continue;
                const bool late = t - born[g][l] >= c.steps, left = gone >> l & 1;
                if (left || late) {
                    steps += t - born[g][l] - (at1 >> l & 1);
                    censored += !left;
                    if (next < c.trajectories) {
                        source[g].seed(l, next++);
                        put(x[g], l, -1.0);
                        born[g][l] = t;
                    } else {
                        busy[g] &= ~(1u << l);
                        alive--;
                        continue;
                    }
                }
                due[g] = born[g][l] + c.steps < due[g] ? born[g][l] + c.steps : due[g];
            }
        }
    }
    out[0] = double(steps);
    out[1] = double(censored);
}

// Ten coordinates from a saddle, their second moments at every record; returns the variances at the last.
template <class Lane, int RULE> void spread(const Case &c, double *out) {
    using V = typename Lane::V;
    const int64_t records = c.steps / c.record;
    std::vector<V> second(records * FEW * FEW, V(0.0));
    const V s = c.deviation, lr = c.lr, minus_lr = -c.lr, one = 1.0;
    V h[FEW];
    for (int i = 0; i < FEW; i++) h[i] = c.curvatures[i];
    for (int64_t low = 0; low < c.trajectories; low += Lane::LANES) {
        typename Lane::Source source;
        for (int l = 0; l < Lane::LANES; l++) source.seed(l, low + l);
        V x[FEW], m[FEW], v[FEW], product[FEW], g[FEW];
        for (int i = 0; i < FEW; i++) x[i] = m[i] = v[i] = V(0.0), product[i] = one;
        double kept1 = 1.0, kept2 = 1.0;
        for (int64_t t = 1; t <= c.steps; t++) {
#pragma GCC unroll 5
            for (int i = 0; i < FEW; i += 2) {
                V z0, z1;
                source.pair(z0, z1);
                g[i] = fma_(s, z0, h[i] * x[i]);
                g[i + 1] = fma_(s, z1, h[i + 1] * x[i + 1]);
            }
            if (RULE == MOMENTUM) {
                for (int i = 0; i < FEW; i++) {
                    m[i] = fma_(V(c.beta1), m[i], V(c.beta3) * g[i]);
                    x[i] = fma_(minus_lr, m[i], x[i]);
                }
            }
            if (RULE == ADAM) {
                kept1 *= c.beta1;
                kept2 *= c.beta2;
                const V rate = -c.lr / (1.0 - kept1), share = 1.0 / (1.0 - kept2);
                for (int i = 0; i < FEW; i++) {
                    m[i] = fma_(V(c.beta1), m[i], V(1.0 - c.beta1) * g[i]);
                    v[i] = fma_(V(c.beta2), v[i], V(1.0 - c.beta2) * (g[i] * g[i]));
                    x[i] = fma_(rate * m[i], over(root(v[i] * share) + V(c.eps)), x[i]);
                }
            }
            if (RULE == ADAI) {
                V sum = 0.0;
                for (int i = 0; i < FEW; i++) {
                    v[i] = fma_(V(c.beta2), v[i], V(1.0 - c.beta2) * (g[i] * g[i]));
                    sum = sum + v[i];
                }
                const V weight = V(-c.beta0 * FEW) * over(sum);
                for (int i = 0; i < FEW; i++) {
                    const V mu = least(most(fma_(weight, v[i], one), V(0.0)), V(1.0 - c.eps));
                    product[i] = product[i] * mu;
                    m[i] = fma_(mu, m[i] - g[i], g[i]);
                    x[i] = fma_(minus_lr * m[i], over(one - product[i]), x[i]);
                }
            }
            if (t % c.record == 0) {
                V *at = &second[(t / c.record - 1) * FEW * FEW];
                for (int i = 0; i < FEW; i++)
                    for (int k = 0; k <= i; k++) at[i * FEW + k] = fma_(x[i], x[k], at[i * FEW + k]);
            }
        }
    }
    for (int i = 0; i < FEW; i++)
        out[i] = total(second[(records - 1) * FEW * FEW + i * FEW + i]) / double(c.trajectories);
}

// A hundred coordinates in a valley with noise L z, L lower triangular; returns the variances at the last step.
template <class Lane> void dense(const Case &c, double *out) {
    using V = typename Lane::V;
    constexpr int G = Lane::DENSE, TILE = 4;
    std::vector<V> state(2 * MANY * G);
    V(*x)[G] = reinterpret_cast<V(*)[G]>(state.data()), (*z)[G] = x + MANY;
    for (int i = 0; i < MANY; i++) out[i] = 0.0;
    std::vector<double> rate(MANY);
    for (int i = 0; i < MANY; i++) rate[i] = 1.0 - c.lr * c.curvatures[i];
    for (int64_t low = 0; low < c.trajectories; low += G * Lane::LANES) {
        typename Lane::Source source[G];
        for (int g = 0; g < G; g++)
            for (int l = 0; l < Lane::LANES; l++) source[g].seed(l, low + g * Lane::LANES + l);
        for (int i = 0; i < MANY; i++)
            for (int g = 0; g < G; g++) x[i][g] = 0.0;
        for (int64_t t = 0; t < c.steps; t++) {
            for (int g = 0; g < G; g++) {
                typename Lane::Source own = source[g];
                for (int i = 0; i < MANY; i += 2) own.pair(z[i][g], z[i + 1][g]);
                source[g] = own;
            }
            // Four rows by four groups of sums stay in registers.
            for (int i = 0; i < MANY; i += TILE) {
                V sum[TILE][G];
                for (int r = 0; r < TILE; r++)
                    for (int g = 0; g < G; g++) sum[r][g] = 0.0;
                for (int k = 0; k < i + TILE; k++) {
                    V row[G];
#pragma GCC unroll 4
                    for (int g = 0; g < G; g++) row[g] = z[k][g];
#pragma GCC unroll 4
                    for (int r = 0; r < TILE; r++) {
                        const V weight = c.root[(i + r) * MANY + k];
#pragma GCC unroll 4
                        for (int g = 0; g < G; g++) sum[r][g] = fma_(weight, row[g], sum[r][g]);
                    }
                }
                for (int r = 0; r < TILE; r++)
                    for (int g = 0; g < G; g++)
                        x[i + r][g] = fma_(V(-c.lr), sum[r][g], V(rate[i + r]) * x[i + r][g]);
            }
        }
        for (int i = 0; i < MANY; i++)
            for (int g = 0; g < G; g++) out[i] += total(x[i][g] * x[i][g]);
    }
    for (int i = 0; i < MANY; i++) out[i] /= double(c.trajectories);
}

template <class Lane> void run(const Case &c, double *out) {
    if (c.barrier > 0.0) escape<Lane>(c, out);
    else if (c.rule == SGD) dense<Lane>(c, out);
    else if (c.rule == MOMENTUM) spread<Lane, MOMENTUM>(c, out);
    else if (c.rule == ADAM) spread<Lane, ADAM>(c, out);
    else spread<Lane, ADAI>(c, out);
}

}  // namespace

extern "C" int has_wide() {
#ifdef WIDE
    return 1;
#else
    return 0;
#endif
}

extern "C" void run_scalar(const Case *c, double *out) {
    build_ziggurat();
    run<Scalar>(*c, out);
}

extern "C" void run_wide(const Case *c, double *out) {
#ifdef WIDE
    run<Wide>(*c, out);
#endif
}

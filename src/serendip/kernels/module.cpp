// The compiled kernels: serendip.kernels._native. Each kernel binds itself; the typed faces stand beside them in
// Python.
#include <nanobind/nanobind.h>

#include "isa.hpp"

void bind_als(nanobind::module_& m);
void bind_asvd(nanobind::module_& m);
void bind_fields(nanobind::module_& m);
void bind_gram(nanobind::module_& m);
void bind_index(nanobind::module_& m);
void bind_ranking(nanobind::module_& m);
void bind_logistic(nanobind::module_& m);
void bind_topk(nanobind::module_& m);
void bind_topk_sparse(nanobind::module_& m);
void bind_knn(nanobind::module_& m);
void bind_sessions(nanobind::module_& m);
void bind_sgd(nanobind::module_& m);
void bind_packed(nanobind::module_& m);
void bind_pairwise(nanobind::module_& m);
void bind_svdpp(nanobind::module_& m);
void bind_inverse(nanobind::module_& m);
void bind_nonnegative(nanobind::module_& m);
void bind_slim(nanobind::module_& m);
void bind_slopeone(nanobind::module_& m);

NB_MODULE(_native, m) {
    m.def("isa", [] {
        switch (serendip::isa()) {
            case serendip::Isa::avx512:
                return serendip::vnni() ? "vnni" : "avx512";
            case serendip::Isa::avx2:
                return "avx2";
            default:
                return "portable";
        }
    });
    bind_als(m);
    bind_asvd(m);
    bind_fields(m);
    bind_gram(m);
    bind_index(m);
    bind_logistic(m);
    bind_ranking(m);
    bind_topk(m);
    bind_topk_sparse(m);
    bind_knn(m);
    bind_sessions(m);
    bind_sgd(m);
    bind_packed(m);
    bind_pairwise(m);
    bind_svdpp(m);
    bind_inverse(m);
    bind_nonnegative(m);
    bind_slim(m);
    bind_slopeone(m);
}

// The compiled kernels: serendip.kernels._native. Each kernel binds itself; the typed faces stand beside them in Python.
#include <nanobind/nanobind.h>

#include "isa.hpp"

#if __has_include("als.cpp")
void bind_als(nanobind::module_& m);
#endif
#if __has_include("topk.cpp")
void bind_topk(nanobind::module_& m);
#endif
#if __has_include("knn.cpp")
void bind_knn(nanobind::module_& m);
#endif
#if __has_include("sgd.cpp")
void bind_sgd(nanobind::module_& m);
#endif

NB_MODULE(_native, m) {
    m.def("isa", [] {
        switch (serendip::isa()) {
            case serendip::Isa::avx512: return "avx512";
            case serendip::Isa::avx2: return "avx2";
            default: return "portable";
        }
    });
#if __has_include("als.cpp")
    bind_als(m);
#endif
#if __has_include("topk.cpp")
    bind_topk(m);
#endif
#if __has_include("knn.cpp")
    bind_knn(m);
#endif
#if __has_include("sgd.cpp")
    bind_sgd(m);
#endif
}

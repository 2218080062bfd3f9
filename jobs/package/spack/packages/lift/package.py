from spack.package import *


class Lift(CMakePackage, CudaPackage):
    """Fine-tunes pretrained transformers and tunes their regularisation in the same pass: bilevel optimisation by a
    linear program over Hessian-vector products, as an MPI batch program."""

    license("Apache-2.0")
    # From a checkout: spack dev-build lift@main, in its root.
    version("main", branch="main")

    variant("nccl", default=True, when="+cuda", description="Collectives on GPU memory through NCCL")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi")
    # Real scalars, double precision, 64-bit indices: solvers/petsc.hpp refuses any other.
    depends_on("petsc@3.18:+mpi+int64+double~complex")
    depends_on("slepc@3.18:")
    depends_on("boost@1.74:+program_options")
    depends_on("fmt@9:")
    depends_on("spdlog+shared fmt_external=True")
    depends_on("nlohmann-json@3.10:")
    depends_on("icu4c")
    depends_on("xxhash")
    depends_on("gnuplot", type="run")
    depends_on("py-torch@2.11:~cuda", when="~cuda")
    for arch in CudaPackage.cuda_arch_values:
        depends_on(f"py-torch@2.11:+cuda cuda_arch={arch}", when=f"+cuda cuda_arch={arch}")
    depends_on("nccl", when="+nccl")
    conflicts("cuda_arch=none", when="+cuda", msg="name the GPUs: cuda_arch=90")

    def cmake_args(self):
        torch = self.spec["py-torch"].package.cmake_prefix_paths[0]
        arguments = [
            self.define("LIFT_TESTS", False),
            self.define("LIFT_BENCHMARKS", False),
            self.define_from_variant("LIFT_CUDA", "cuda"),
            # cmake_prefix_paths names ROOT/share/cmake.
            self.define("LIFT_TORCH_ROOT", join_path(torch, "..", "..")),
        ]
        if "+cuda" in self.spec:
            names = ";".join(f"{arch[:-1]}.{arch[-1]}" for arch in self.spec.variants["cuda_arch"].value)
            arguments += [self.define("TORCH_CUDA_ARCH_LIST", names), self.define_from_variant("LIFT_NCCL", "nccl")]
        return arguments

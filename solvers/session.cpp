#include "solvers/session.hpp"

#include <fmt/format.h>
#include <slepcsys.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "mpi/error.hpp"
#include "solvers/petsc.hpp"

namespace lift {
namespace {

/// Takes a variable out of the environment until the end of the block.
class HiddenVariable {
 public:
  explicit HiddenVariable(const char* name) : name_(name) {
    if (const char* value = std::getenv(name); value != nullptr) value_ = value;
    unsetenv(name_);
  }
  ~HiddenVariable() {
    if (value_) setenv(name_, value_->c_str(), 1);
  }
  HiddenVariable(const HiddenVariable&) = delete;
  HiddenVariable& operator=(const HiddenVariable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> value_;
};

bool is_key(const std::string& word) {
  PetscBool valid = PETSC_FALSE;
  check_petsc(PetscOptionsValidKey(word.c_str(), &valid), "PetscOptionsValidKey");
  return valid == PETSC_TRUE;
}

/// Splits at white space; throws Error(usage) for a word that is neither a key nor the value of one.
std::vector<std::string> parse_options(const std::string& options) {
  std::istringstream stream(options);
  std::vector<std::string> words;
  bool value_allowed = false;
  for (std::string word; stream >> word; words.push_back(word)) {
    const bool key = is_key(word);
    if (!key && !value_allowed) {
      throw Error(
          ExitCode::usage,
          fmt::format("PETSc options: \"{}\" stands where an option was expected (-name [value])", word));
    }
    value_allowed = key;
  }
  return words;
}

std::string version_text(PetscErrorCode (*get)(PetscInt*, PetscInt*, PetscInt*, PetscInt*),
                         const char* call) {
  PetscInt major = 0, minor = 0, subminor = 0, release = 0;
  check_petsc(get(&major, &minor, &subminor, &release), call);
  return fmt::format("{}.{}.{}", major, minor, subminor);
}

}  // namespace

SolverSession::SolverSession(const Communicator& comm, const std::string& options) : comm_(MPI_COMM_NULL) {
  if (SlepcInitializeCalled) throw Error(ExitCode::internal, "a SolverSession is already open");
  const auto given = parse_options(options);
  for (const auto& word : given) {
    if (is_key(word)) keys_.push_back(word.substr(1));
  }
  words_ = {"lift", "-skip_petscrc", "-no_signal_handler", "-options_left", "no", "-use_gpu_aware_mpi", "0"};
  words_.insert(words_.end(), given.begin(), given.end());
  for (auto& word : words_) argv_.push_back(word.data());
  argv_.push_back(nullptr);

  check_mpi(MPI_Comm_dup(comm.handle(), &comm_), "MPI_Comm_dup");
  PETSC_COMM_WORLD = comm_;
  const HiddenVariable no_options("PETSC_OPTIONS");
  const HiddenVariable no_yaml_options("PETSC_OPTIONS_YAML");
  check_petsc(PetscPushErrorHandler(PetscReturnErrorHandler, nullptr), "PetscPushErrorHandler");
  int argc = static_cast<int>(words_.size());
  char** argv = argv_.data();
  try {
    check_petsc(SlepcInitialize(&argc, &argv, nullptr, nullptr), "SlepcInitialize");
  } catch (const Error& error) {
    throw Error(ExitCode::usage, fmt::format("PETSc options \"{}\": {}", options, error.what()));
  }
}

SolverSession::~SolverSession() {
  static_cast<void>(SlepcFinalize());
  static_cast<void>(PetscPopErrorHandler());
  PETSC_COMM_WORLD = MPI_COMM_NULL;
  MPI_Comm_free(&comm_);
}

std::vector<std::string> SolverSession::unused_options() const {
  PetscInt count = 0;
  char** names = nullptr;
  char** values = nullptr;
  check_petsc(PetscOptionsLeftGet(nullptr, &count, &names, &values), "PetscOptionsLeftGet");
  std::vector<std::string> unused;
  for (PetscInt i = 0; i < count; ++i) {
    const std::string name = names[i];
    if (std::find(keys_.begin(), keys_.end(), name) != keys_.end()) unused.push_back("-" + name);
  }
  check_petsc(PetscOptionsLeftRestore(nullptr, &count, &names, &values), "PetscOptionsLeftRestore");
  return unused;
}

SolverVersions solver_versions() {
  return {version_text(PetscGetVersionNumber, "PetscGetVersionNumber"),
          version_text(SlepcGetVersionNumber, "SlepcGetVersionNumber")};
}

}  // namespace lift

#include "jobs/option_table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lift {
namespace {

constexpr auto kRequired = Presence::required;
constexpr auto kOptional = Presence::optional;
constexpr auto kTypedOnly = Place::command_line;
constexpr double kMostInt = std::numeric_limits<int>::max();

constexpr Range kAny{};
constexpr Range kNotNegative{0};
constexpr Range kPositive{0, std::numeric_limits<double>::infinity(), true};
constexpr Range from(double low) {
  return {low, kMostInt};
}

const std::vector<Job> kAll{std::begin(kJobs), std::end(kJobs)};
const std::vector<Job> kRun{Job::run};
const std::vector<Job> kStops{Job::run, Job::sweep};
const std::vector<Job> kTrains{Job::run, Job::pretrain};
const std::vector<Job> kReadsText{Job::run, Job::evaluate, Job::pretrain, Job::curvature};
const std::vector<Job> kDerives{Job::run, Job::pretrain, Job::curvature};
const std::vector<Job> kMeasures{Job::run, Job::curvature};

constexpr std::string_view kFiles = "Files";
constexpr std::string_view kData = "Data";
constexpr std::string_view kShape = "Model";
constexpr std::string_view kTraining = "Training";
constexpr std::string_view kWarmup = "Warm-up";
constexpr std::string_view kTune = "What is tuned";
constexpr std::string_view kSearch = "Hyperlocal search";
constexpr std::string_view kRecover = "Recovery before the rounds";
constexpr std::string_view kMethod = "Other methods";
constexpr std::string_view kPenalty = "Penalty methods";
constexpr std::string_view kRadii = "Projection radii";
constexpr std::string_view kLp = "Linear program";
constexpr std::string_view kCurvature = "Curvature report";
constexpr std::string_view kCheckpoints = "Leaving and going on";
constexpr std::string_view kSweep = "Sweep";
constexpr std::string_view kReport = "Report";
constexpr std::string_view kProgram = "Program";

// A row: name, kind, default, range, choices, unit, help, group, jobs.
// clang-format off
std::vector<OptionSpec> build_table() {
  using enum Kind;
  return {
    {"model", path, "", kAny, {}, "",
     "Model folder in the Hugging Face layout.", kFiles, {Job::run, Job::evaluate, Job::curvature}, kRequired},
    {"start", path, "", kAny, {}, "",
     "Fine-tuned checkpoint whose tuned tensors to start from; --model stays what l2-sp, interpolation and wise refer to.",
     kFiles, kMeasures},
    {"data", path, "", kAny, {}, "",
     "Folder with the splits train, valid and test, each as wiki.SPLIT.raw, SPLIT.txt, SPLIT.jsonl (key text), or uint16 tokens of nanoGPT or llm.c: SPLIT.bin, NAME_SPLIT.bin, NAME_SPLIT_N.bin; all but the first take val for valid too.",
     kFiles, kReadsText, kRequired},
    {"valid-data", path, "", kAny, {}, "",
     "Folder of another corpus, as --data, whose validation split the search or the rival works on in the place of --data's: the upper level is its loss. What is evaluated and told as valid stays --data's.",
     kFiles, kRun},
    {"ood", path, "", kAny, {}, "",
     "Folder of another corpus, as --data, whose test split is evaluated beside it, before and after: out of domain. Nothing is chosen by it, and --limit holds for it too.",
     kFiles, kRun},
    {"tokenizer", path, "", kAny, {}, "",
     "Folder with vocab.json and merges.txt.", kFiles, {Job::pretrain}, kRequired},
    {"input", path, "", kAny, {}, "",
     "Safetensors file with the tensors A [m, p+n], g [p+n] and u [p+n].", kFiles, {Job::lp}, kRequired},
    {"output", path, "", kAny, {}, "",
     "Safetensors file to write d [p+n] to.", kFiles, {Job::lp}, kRequired},
    {"out", path, "", kAny, {}, "",
     "Folder to write to; it must not hold another run.", kFiles,
     {Job::run, Job::pretrain, Job::curvature, Job::example}, kRequired},
    {"out", path, "", kAny, {}, "",
     "Folder of the sweep, which goes on in one that it has begun: points/NAME is the folder of each run, state/ what became of it. Required, but for status.", kFiles,
     {Job::sweep}},
    {"out", path, "", kAny, {}, "",
     "Folder to write to: missing, empty, or with an earlier report and nothing else, which is replaced.", kFiles,
     {Job::report}, kRequired},
    {"json", path, "", kAny, {}, "",
     "File to write the machine-readable answer to.", kFiles, kAll},
    {"cache", path, "", kAny, {}, "",
     "Folder of the token cache, or the word none; without it $XDG_CACHE_HOME/lift.", kFiles, kReadsText},
    {"save.dtype", choice, "f32", kAny, {"f32", "f16", "bf16"}, "",
     "Type of the tensors in model/; checkpoints are float32.", kFiles, kRun},

    {"length", count, "512", from(2), {}, "tokens",
     "Length of a sequence.", kData, kReadsText},
    {"batch", count, "4", from(1), {}, "sequences",
     "Global batch, the same for any number of ranks.", kData, kDerives},
    {"micro-batch", count, "4", from(1), {}, "sequences",
     "Most sequences a rank works on at once; bounds the memory.", kData, kReadsText},
    {"recompute", choice, "off", kAny, {"on", "off"}, "",
     "Keep only what enters each block and make other activations again for each derivative: less memory, more time.",
     kData, kDerives},
    {"split", choice, "valid", kAny, {"train", "valid", "test"}, "",
     "Split to evaluate.", kData, {Job::evaluate}},
    {"limit", count, "", Range{1}, {}, "sequences",
     "Use the first so many of valid and of test (of --split in evaluate); without it all.", kData, {Job::run, Job::evaluate, Job::pretrain}},
    {"train-limit", count, "", Range{1}, {}, "sequences",
     "Use the first so many of train; without it all.", kData, kDerives},

    {"layers", count, "12", from(1), {}, "blocks",
     "Transformer blocks.", kShape, {Job::pretrain}},
    {"width", count, "768", from(1), {}, "",
     "Width of the residual stream, a multiple of --heads.", kShape, {Job::pretrain}},
    {"heads", count, "12", from(1), {}, "",
     "Attention heads.", kShape, {Job::pretrain}},
    {"positions", count, "1024", from(2), {}, "tokens",
     "Longest sequence the model takes.", kShape, {Job::pretrain}},
    {"epochs", count, "1", from(0), {}, "",
     "Passes over the training sequences.", kTraining, {Job::pretrain}},
    {"lr", real, "1e-3", kPositive, {}, "",
     "Learning rate of Adam.", kTraining, {Job::pretrain}},

    {"tune.blocks", integer_list, "", from(0), {}, "",
     "Blocks to tune, by index from 0, as 1,7,11.", kTune, kMeasures},
    {"tune.first-blocks", count, "", from(1), {}, "blocks",
     "Tune the first so many blocks, instead of --tune.blocks.", kTune, kMeasures},
    {"tune.embeddings", count, "", Range{0, 2}, {}, "groups",
     "Tune the token and position embeddings too, in so many regularisation groups; 0 for none.", kTune, kMeasures},
    {"tune.learning-rate", choice, "off", kAny, {"on", "off"}, "",
     "Learning rate as a hyperparameter: after the rounds, correctors at a quarter to four times their rate are tried.",
     kTune, kRun},
    {"tune.mlp-only", integer_list, "", from(0), {}, "",
     "Tuned blocks of which only mlp.* is tuned; the others are tuned whole.", kTune, kMeasures},
    {"tune.regularizers", integer_map, "", from(0), {}, "",
     "Regularisation groups of tuned blocks, as 1:1,7:0,11:1; 0 for none, 1 for a block not named.", kTune, kMeasures},

    {"tune.lora", count, "", from(1), {}, "rank",
     "Tune low-rank pairs A and B (LoRA) of this rank beside the tuned blocks' weight matrices, and leave these, biases and layer norms frozen; without it the blocks' own tensors.", kTune, kMeasures},
    {"tune.lora-alpha", real, "", kPositive, {}, "",
     "Weight of the pairs: a matrix W acts as W + (alpha / rank) BA; without it the rank, so that the factor is 1.", kTune, kMeasures},
    {"tune.lora-targets", choice, "all", kAny, {"all", "attention", "mlp"}, "",
     "Which matrices of a tuned block have a pair: c_attn, attn.c_proj, c_fc and mlp.c_proj, or those of one part.", kTune, kMeasures},

    {"warmup.epochs", count, "1", from(0), {}, "",
     "Epochs of Adam on the regularised training loss.", kWarmup, kRun},
    {"warmup.lr", real, "1e-4", kPositive, {}, "",
     "Learning rate of Adam.", kWarmup, kRun},
    {"warmup.schedule", choice, "constant", kAny, {"constant", "cosine", "linear"}, "",
     "Of the learning rate over all steps; cosine and linear end at 0.", kWarmup, kRun},
    {"warmup.lambda", real, "1e-4", kNotNegative, {}, "",
     "Regularisation weight lambda of every group.", kWarmup, kMeasures},
    {"regularizer", choice, "l2", kAny, {"l2", "l2-sp"}, "",
     "What lambda weighs: the sum of squares of the weights, or of their distances from the pretrained ones.",
     kWarmup, kMeasures},
    {"warmup.clip", real, "1", kNotNegative, {}, "",
     "Limit of the gradient's norm, 0 for none.", kWarmup, kRun},
    {"warmup.keep", integer_list, "", from(0), {}, "",
     "Epochs after which a checkpoint is kept, in checkpoints/epoch-K, as 10,20,30.", kWarmup, kRun},

    {"preset", choice, "", kAny, {"paper", "recover"}, "",
     "Options as a set, under those given by hand: the published search in the forms that the defaults are (a box, log lambda, exact products), or what brings an overfitted model back.",
     kSearch, kRun},
    {"search.lambda", real, "", kNotNegative, {}, "",
     "Lambda at which the search starts; without it that of the warm-up (l2), or |grad L| / (4 |W - c|) of each group at its start (l2-sp).",
     kSearch, kMeasures},
    {"search.sequences", count, "", from(1), {}, "sequences",
     "Validation sequences that the search works on, spread evenly over the whole split, whatever --limit leaves to evaluate; without it those that are evaluated.",
     kSearch, kRun},
    {"search.holdout", real, "0", Range{0, 0.9}, {}, "",
     "Fraction of the search's sequences that choose t and the best iterate; the rest shape d. 0: all do both.",
     kSearch, kRun},
    {"search.rounds", count, "1", from(0), {}, "",
     "Hyperlocal searches, one after the other.", kSearch, kRun},
    {"search.min-gain", real, "0", kNotNegative, {}, "nats/token",
     "The rounds end once one, with the corrector before it, lowers the least selection loss by less.", kSearch, kRun},
    {"search.corrector-steps", count_or_word, "0", from(0), {"epoch"}, "steps",
     "Adam steps on the regularised training loss between rounds, from fresh moments, the rate falling to 0.",
     kSearch, kRun},
    {"search.corrector-lr", real, "", kPositive, {}, "",
     "Learning rate of all correctors at their first step; without it half of --warmup.lr.", kSearch, kRun},
    {"direction", choice, "lp", kAny, {"lp", "exact", "bilevel", "gradient", "sign", "wise"}, "",
     "How a round finds its direction: the linear program, exact stationarity, the least validation loss over lambda with W following, the validation gradient or its signs, towards the pretrained weights.",
     kSearch, kRun},
    {"search.batches", count_or_word, "10", from(1), {"all"}, "batches",
     "Validation batches that make the gradient g.", kSearch, kRun},
    {"search.probes", count, "16", from(1), {}, "",
     "Probes m, the rows of the linear program.", kSearch, kRun},
    {"search.probe-kind", choice, "random", kAny, {"random", "krylov", "adjoint"}, "",
     "Probes: normal vectors, Lanczos vectors of the Hessian from g, or the one row of the hypergradient.",
     kSearch, kRun},
    {"search.probe-space", choice, "weights", kAny, {"weights", "joint"}, "",
     "Where random probes lie: in W, or in (lambda, W) as printed in the paper.", kSearch, kRun},
    {"search.hvp", choice, "exact", kAny, {"exact", "forward", "central"}, "",
     "How Hessian-vector products are made: by differentiating twice, or by differences of gradients.",
     kSearch, kMeasures},
    {"search.fd-step", real, "", kPositive, {}, "",
     "Step of differences along a unit vector; without it by precision and the norm of W.", kSearch, kMeasures},
    {"search.curvature", choice, "hessian", kAny, {"hessian", "ggn", "absolute", "identity"}, "",
     "Curvature of the training loss: its Hessian, the Gauss-Newton matrix, for implicit solves the Hessian with its negative eigenvalues turned positive, or as a control the identity in its place, which costs nothing and knows nothing.", kSearch, kRun},
    {"search.damping", real, "", kNotNegative, {}, "",
     "Damping mu of the implicit solves (exact, bilevel, adjoint); without it from a short Lanczos run.", kSearch, kRun},
    {"search.solve-tol", real, "1e-4", kPositive, {}, "",
     "Relative residual at which an implicit solve ends; bilevel ends at a gradient in log lambda of so much of the loss.", kSearch, kRun},
    {"search.max-hvps", count, "200", from(1), {}, "",
     "Products that the implicit solves of a round may take; up to two more measure their residuals.", kSearch, kRun},
    {"search.basis", count, "30", from(1), {}, "",
     "Vectors of the Krylov basis that the implicit solves hold, of 8n bytes each over all ranks; what a full basis leaves is for conjugate gradients.", kSearch, kRun},
    {"search.hypergradient", choice, "off", kAny, {"on", "off"}, "",
     "Solve for the hypergradient beside random or Krylov probes too, and report where dlambda goes against it, and whether the radius lets W follow; the step is the same.", kSearch, kRun},
    {"search.hvp-batches", count, "10", from(1), {}, "batches",
     "Training batches of the Hessian-vector products, the same for all probes of a round; validation batches of the one of --search.line model.",
     kSearch, kMeasures},
    {"search.line", choice, "grid", kAny, {"grid", "model"}, "",
     "Steps of the line search: a grid, refined at its ends, or few around the minimiser of the quadratic model along d.",
     kSearch, kRun},
    {"search.ratio", choice, "off", kAny, {"on", "off"}, "",
     "Measure the curvature of the validation loss along d by one product, and report the decrease beside what the quadratic model predicts; --search.line model always does.",
     kSearch, kRun},
    {"search.steps", count, "31", from(2), {}, "",
     "Steps t of the line search, t = 0 among them.", kSearch, kRun},
    {"search.max-step", real, "1.5", kPositive, {}, "",
     "Largest step t of the line search's grid.", kSearch, kRun},
    {"search.watch", count, "9", from(0), {}, "",
     "Steps of each line search, about, at which train and test are evaluated for the figures; nothing is chosen by them.",
     kSearch, kRun},
    {"search.keep", path, "", kAny, {}, "",
     "Safetensors file to keep A, g, u, the probes and d in; lift lp reads it. Of several rounds, round K in NAME-K.", kSearch, kRun},

    {"recover.interpolate", choice, "off", kAny, {"on", "off"}, "",
     "Before the rounds, a line search from W0 towards the pretrained weights.", kRecover, kRun},
    {"recover.overshoot", real, "1.5", Range{1}, {}, "",
     "The corrector starts from min(1, X t), t the best step of the interpolation.", kRecover, kRun},
    {"recover.corrector-epochs", count, "0", from(0), {}, "",
     "Epochs of Adam after the interpolation, before the rounds, the rate falling to 0.", kRecover, kRun},

    {"lp.trust-region", choice, "box", kAny, {"box", "l2", "two-balls", "box-l2", "none"}, "",
     "Where d is sought: in a box, in a ball, dlambda and dW each in a ball, dlambda in a box and dW in a ball, or with dW free as printed in the paper.", kLp, kRun},
    {"lp.radius", real, "0.01", kPositive, {}, "",
     "Radius rho of dW.", kLp, kRun},
    {"lp.radius-unit", choice, "rms", kAny, {"rms", "absolute", "norm"}, "",
     "What rho bounds: each |dW| relative to the RMS of its tensor, each |dW|, or the length of the whole dW, so that --direction gradient and sign are steps of equal length.", kLp, kRun},
    {"lp.lambda", choice, "log", kAny, {"log", "linear"}, "",
     "What the program moves: log lambda or lambda.", kLp, kRun},
    {"lp.lambda-scale", real, "", kPositive, {}, "",
     "Largest change a round of log lambda (without it log 4) or lambda (without it lambda itself, as the round starts; a lambda of 0 stays 0 in either case).",
     kLp, kRun},
    {"lp.method", choice, "preprocessing", kAny, {"preprocessing", "mehrotra"}, "",
     "Solve for the few coordinates whose sign a sample leaves in doubt and verify the others, or for all at once.",
     kLp, {Job::run, Job::lp}},
    {"lp.relax", real, "0", kNotNegative, {}, "",
     "Part of sum_k |A_ik| u_k, the farthest that row i of A d can be from 0, by which it may miss it.", kLp,
     {Job::run, Job::lp}},
    {"lp.crossover", choice, "off", kAny, {"on", "off"}, "",
     "Whether the solver goes on to a vertex: every |d| at its bound but for at most as many as A has rows.", kLp,
     {Job::run, Job::lp}},
    {"lp.time-limit", real, "600", kPositive, {}, "s",
     "Wall time after which the solver stops.", kLp, {Job::run, Job::lp}},

    {"method", choice, "lift", kAny,
     {"lift", "early-stop", "grid", "random", "train-valid", "validation-steps", "wise", "wise-tensors", "tpgm", "tpgm-once", "ftp",
      "pbgd-free", "f2sa", "v-pbgd", "bome", "alright", "f2sa-lambda"}, "",
     "What follows the warm-up: LiFT's search, or a rival in its place. A training ended where the selection loss is least (for each lambda of a grid, or at random), on train and valid together, or on valid; the best point towards the pretrained weights, of all or of each tensor; trained projection radii, at each step or once; bilevel penalty methods, the last tuned blocks being the lower variable, or W under lambda.",
     kMethod, kRun},
    {"method.start", choice, "", kAny, {"warmup", "pretrained"}, "",
     "Where trainings start; without it from the pretrained weights (early-stop, grid, random, train-valid, tpgm, ftp), else where the warm-up ended.",
     kMethod, kRun},
    {"method.budget", real, "", kPositive, {}, "forward passes",
     "What the method may cost, in forward passes of a sequence: a gradient is 3, and what chooses counts too.",
     kMethod, kRun},
    {"method.steps", count, "", from(1), {}, "steps",
     "Optimiser steps of all its trainings together, or updates of radii learned once; without it and a budget those of the warm-up (an epoch without one), or 200 updates.",
     kMethod, kRun},
    {"method.lr", real, "", kPositive, {}, "",
     "Learning rate of trainings; without it --warmup.lr.", kMethod, kRun},
    {"method.schedule", choice, "constant", kAny, {"constant", "cosine", "linear"}, "",
     "Of the learning rate over the steps of a training; cosine and linear end at 0.", kMethod, kRun},
    {"method.evaluations", count, "", from(1), {}, "",
     "Evaluations of the selection sequences in each training, beside that of its start; without it 10, or as few as take a third of what --method.budget has for a training.",
     kMethod, kRun},
    {"method.trials", count, "6", from(1), {}, "",
     "Trainings of grid and random.", kMethod, kRun},
    {"method.lambda-low", real, "", kPositive, {}, "",
     "Least lambda of grid and random; without it 1e-5, and 1e-4 with --regularizer l2-sp.", kMethod, kRun},
    {"method.lambda-high", real, "", kPositive, {}, "",
     "Largest lambda of grid and random; without it 1e-2, and 0.1 with --regularizer l2-sp.", kMethod, kRun},
    {"method.grid", count, "11", from(2), {}, "",
     "Points between W0 and the pretrained weights of wise, both ends among them.", kMethod, kRun},
    {"method.tensor-grid", count, "5", from(2), {}, "",
     "The same for each tensor of wise-tensors.", kMethod, kRun},

    {"tpgm.norm", choice, "", kAny, {"mars", "l2"}, "",
     "What a tensor's radius bounds: the absolute sum of each output row, or the length of the whole; without it mars, and l2 of tpgm-once.",
     kRadii, kRun},
    {"tpgm.every", count, "1", from(1), {}, "steps",
     "The radii are learned after every so many steps; the others only project.", kRadii, kRun},
    {"tpgm.updates", count, "1", from(1), {}, "",
     "Updates of the radii a time, each on a validation batch.", kRadii, kRun},
    {"tpgm.lr", real, "1e-2", kPositive, {}, "",
     "Learning rate of the radii, in units of their norm.", kRadii, kRun},
    {"tpgm.exclude", text, "", kAny, {}, "",
     "Tensors that are not projected, by name or by the end of a name, as ln_1.weight,.bias.", kRadii, kRun},
    {"ftp.shrink", real, "1", Range{0, 1}, {}, "",
     "What a slope that makes a radius shrink is multiplied by.", kRadii, kRun},

    {"penalty.gamma", real, "10", kPositive, {}, "",
     "Weight gamma of the lower level.", kPenalty, kRun},
    {"penalty.inner", count, "1", from(1), {}, "steps",
     "Steps K of the lower variable to one of the upper.", kPenalty, kRun},
    {"penalty.lr", real, "", kPositive, {}, "",
     "Learning rate of the upper variable; without it --method.lr, over a gamma greater than 1 of v-pbgd, which moves both variables at it, and 0.1 of f2sa-lambda, where it is that of log lambda.",
     kPenalty, kRun},
    {"penalty.inner-lr", real, "", kPositive, {}, "",
     "Learning rate of the lower variable; without it --method.lr.", kPenalty, kRun},
    {"penalty.rule", choice, "adam", kAny, {"adam", "gradient"}, "",
     "Steps by Adam or against the gradient.", kPenalty, kRun},
    {"penalty.weight", real, "0.5", Range{0, 1}, {}, "",
     "Part of the upper level in what alright descends.", kPenalty, kRun},
    {"penalty.lower-blocks", count, "1", from(1), {}, "blocks",
     "Tuned blocks, from the last down, that are the lower variable.", kPenalty, kRun},
    {"penalty.flatness", count, "0", from(0), {}, "pairs",
     "Pairs by which it is reported how flat the upper level is, where the descent ended, around the answer of the lower one (delta at alpha 1.5 and c 0.5); 0 for none. Chooses nothing, and no budget pays it.",
     kPenalty, kRun},
    {"penalty.flatness-steps", count, "50", from(1), {}, "steps",
     "Inner steps from there by which that answer is sought, their rate falling to 0.", kPenalty, kRun},

    {"curvature.report", choice, "off", kAny, {"on", "off"}, "",
     "Whether the search begins with a report of the curvature there.", kCurvature, kRun},
    {"curvature.max-hvps", count, "200", Range{40}, {}, "",
     "Hessian-vector products that the report may take; one more measures the residual of each column of S.", kCurvature, kMeasures},
    {"curvature.basis", count, "30", from(3), {}, "",
     "Lanczos vectors held, of 8n bytes each over all ranks.", kCurvature, kMeasures},
    {"curvature.tol", real, "1e-4", kPositive, {}, "",
     "Residual of an eigenvalue, relative to the largest curvature, and of the solves for S.", kCurvature, kMeasures},
    {"curvature.failure", real, "0.01", Range{0, 0.5, true}, {}, "",
     "Probability that a bound on the eigenvalues not met may be wrong.", kCurvature, kMeasures},
    {"curvature.damping", real, "", kNotNegative, {}, "",
     "Damping mu of S; without it what makes H22 + mu positive by the curvature met.", kCurvature, kMeasures},
    {"curvature.density", count, "2", from(0), {}, "",
     "Random starts of the spectral density, which shares what products are left.", kCurvature, kMeasures},
    {"curvature.blocks", choice, "on", kAny, {"on", "off"}, "",
     "Whether each tuned block is judged by itself too.", kCurvature, kMeasures},

    {"ranks-each", count, "", from(1), {}, "ranks",
     "Ranks of each run: those of the program are divided into groups of so many, which work side by side; without it all do one run after the other.",
     kSweep, {Job::sweep}},
    {"retry", flag, "", kAny, {}, "",
     "Begin runs that failed once more, from where they were left.", kSweep, {Job::sweep}, kOptional, kTypedOnly},

    {"resume", flag, "", kAny, {}, "",
     "Go on in --out from its newest whole checkpoint, or begin where there is none; a run that is done is left as it is.",
     kCheckpoints, kRun, kOptional, kTypedOnly},
    {"max-hours", real, "", kPositive, {}, "h",
     "Stop with a checkpoint and exit code 75 before so long has passed; Slurm's own limit is kept without it.",
     kCheckpoints, kStops},
    {"stop-signals", text, "TERM,USR1,USR2", kAny, {}, "",
     "Signals upon which to stop at the next step with a checkpoint and exit code 75, of TERM, INT, HUP, USR1, USR2, or none; a second one ends the program at once. Of mpirun, USR1 and USR2 alone arrive.",
     kCheckpoints, kStops},
    {"checkpoint.minutes", real, "15", kNotNegative, {}, "min",
     "Time between two checkpoints of a training phase; 0 for none but where it stops. Each stage of the search ends with one.",
     kCheckpoints, kRun},
    {"checkpoint.keep", count, "2", from(1), {}, "checkpoints",
     "How many of the newest stay while the run goes on; none when it is done.", kCheckpoints, kRun},
    {"checkpoint.memo", choice, "measured", kAny, {"measured", "always", "never"}, "",
     "Whether products, gradients and losses of a stage are written as they come, so that they need not be made again: where writing and reading takes less time.",
     kCheckpoints, kRun},

    {"format", choice, "all", kAny, {"all", "text", "csv", "markdown", "latex"}, "",
     "Form of the tables in tables/; the page and what is printed are always made.", kReport, {Job::report}},
    {"average-over", text, "seed", kAny, {}, "",
     "Options of a run, as seed,start: runs that differ in these alone are one configuration, of which mean and standard deviation are shown.",
     kReport, {Job::report}},
    {"tensorboard", choice, "off", kAny, {"on", "off"}, "",
     "Write the lines of metrics.jsonl as event files of TensorBoard too.", kReport, {Job::report}},

    {"seed", count, "0", kNotNegative, {}, "",
     "Seed of all random numbers.", kProgram, {Job::run, Job::pretrain, Job::curvature, Job::example}},
    {"precision", choice, "fp32", kAny, {"fp32", "tf32", "bf16", "fp64"}, "",
     "Training steps in float32, in TF32 (on a GPU) or in bfloat16 with float32 weights, all else (bilevel methods too) in float32; or everything in float64, on the CPU. Evaluate computes in it throughout.",
     kProgram, kReadsText},
    {"deterministic", flag, "", kAny, {}, "",
     "Use only kernels that give the same bits on every run; on a GPU slower ones. On the CPU all of them do.",
     kProgram, kReadsText},
    {"petsc", text, "", kAny, {}, "",
     "PETSc's own options, in quotes, of the eigenvalue solver as -lift_eps_NAME and -lift_bv_NAME, of the bilevel solver as -lift_tao_NAME; what LiFT sets itself stays as it is, and one that nothing uses is an error.", kProgram, {Job::run, Job::sweep, Job::lp, Job::curvature}},
    {"config", path, "", kAny, {}, "",
     "File of options, name = value or in [sections]; the command line overrides it.",
     kProgram, kAll, kOptional, kTypedOnly},
    {"dry-run", flag, "", kAny, {}, "",
     "Check everything, print the plan and stop.", kProgram, {Job::run, Job::sweep, Job::curvature}, kOptional, kTypedOnly},
    {"help", flag, "", kAny, {}, "",
     "Print this page.", kProgram, kAll, kOptional, kTypedOnly},
    {"version", flag, "", kAny, {}, "",
     "Print the version, and those of the libraries loaded.", kProgram, kAll, kOptional, kTypedOnly},
  };
}
// clang-format on

}  // namespace

bool OptionSpec::belongs_to(Job job) const noexcept {
  if (job == Job::baseline) return name != "method" && belongs_to(Job::run);
  return std::ranges::find(jobs, job) != jobs.end();
}

bool Range::contains(double value) const noexcept {
  return (low_open ? value > low : value >= low) && value <= high;
}

std::string Range::text() const {
  if (low == -std::numeric_limits<double>::infinity()) return "";
  const std::string above = fmt::format("{} {}", low_open ? ">" : ">=", low);
  return high < kMostInt ? fmt::format("{} and <= {}", above, high) : above;
}

std::span<const OptionSpec> option_table() {
  static const std::vector<OptionSpec> table = build_table();
  return table;
}

const OptionSpec* find_option(Job job, std::string_view name) {
  for (const OptionSpec& spec : option_table()) {
    if (spec.name == name && spec.belongs_to(job)) return &spec;
  }
  return nullptr;
}

}  // namespace lift

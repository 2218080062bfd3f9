#pragma once
#include "src/methods/method.hpp"
#include "src/report/method_result.hpp"

namespace lift {

/// What a method left, as result.json keeps it. Test tests/jobs/test_baseline.cpp
[[nodiscard]] MethodResult method_result(Method method, const MethodSummary& summary);

}  // namespace lift

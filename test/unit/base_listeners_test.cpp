#include <gtest/gtest.h>

#include "pulse/base/listeners.hpp"

namespace pulse {
namespace {

int called = 0;

void AddOne(int number) {
    called = called * 10 + number;
}
void AddTwice(int number) {
    called = called * 10 + 2 * number;
}

constinit Listeners<int> listeners;

TEST(BaseListeners, AllAreCalledInOrderOfRegistration) {
    listeners.Notify(3);
    EXPECT_EQ(called, 0);
    EXPECT_TRUE(listeners.Add(AddOne));
    EXPECT_TRUE(listeners.Add(AddTwice));
    listeners.Notify(3);
    EXPECT_EQ(called, 36);
    for (int i = 2; i < 8; ++i) listeners.Add(AddOne);
    EXPECT_THROW(listeners.Add(AddOne), std::exception);
}

TEST(BaseListeners, ASecondImplementationIsAnError) {
    Implementation<int> implementation;
    EXPECT_EQ(implementation.Get(), 0);
    EXPECT_TRUE(implementation.Set(7));
    EXPECT_THROW(implementation.Set(8), std::logic_error);
    EXPECT_EQ(implementation.Get(), 7);
}

}  // namespace
}  // namespace pulse

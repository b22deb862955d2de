"""What the project's own tests share; most fixtures come from `copilot_core.testing.pytest_plugin`."""

"""What ``saddlescape verify`` runs: one module a statement, whose ``settings(quick)`` lists what is measured."""

"""Specs in, facts out: documents, passages, endpoints, entities, variables, requirements, conflicts."""

"""Facts in, work out: profile, names, obligations, rulings, tasks and briefs. No model is asked here."""

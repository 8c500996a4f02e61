"""What every other part needs: errors, models, events, the clock, and how work ends."""

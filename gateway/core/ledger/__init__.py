"""What executions make of positions: cost by two methods, lives from flat to flat, busts and corrections."""

"""What goes out: the clock, the stages that turn events into deliveries, the dispatcher, and the messages."""

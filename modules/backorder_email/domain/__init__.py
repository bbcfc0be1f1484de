"""The rules of backorder email: wording, composing, addressing and delivery, without database, web or clock."""

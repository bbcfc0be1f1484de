"""The rules of backorder email: templates, news, addresses and delivery, without database, web or clock."""

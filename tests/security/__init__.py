"""Who may do what, asked at every door of the product by everybody there is."""

"""From chapters to pages, and from pages to a PDF, to pictures and to notebooks for Colab."""

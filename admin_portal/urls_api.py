"""Addresses of the desk's API, below /api/v1/."""

from django.urls import path

from admin_portal import api

urlpatterns = [
    path("record/search", api.SearchView.as_view()),
    path("record/entries/<int:seq>", api.EntryView.as_view()),
    path("record/entries/<int:seq>/attachments/<int:place>", api.EntryFileView.as_view()),
    path("exports", api.ExportsView.as_view()),
    path("exports/<int:export_id>", api.ExportView.as_view()),
    path("exports/<int:export_id>/approve", api.ApproveView.as_view()),
    path("exports/<int:export_id>/refuse", api.RefuseView.as_view()),
    path("exports/<int:export_id>/download", api.DownloadView.as_view()),
    path("reports", api.ReportsView.as_view()),
    path("reports/<int:report_id>/decision", api.DecisionView.as_view()),
]

"""Addresses of the desk, below /portal/."""

from django.urls import path

from admin_portal import pages, pages_exports, pages_files, pages_parked, pages_review, pages_search

urlpatterns = [
    path("", pages.dashboard, name="portal"),
    path("purpose/", pages.purpose, name="portal_purpose"),
    path("review/", pages_review.review, name="portal_review"),
    path("review/<int:report_id>/", pages_review.report, name="portal_report"),
    path("review/<int:report_id>/decision/", pages_review.decide, name="portal_report_decide"),
    path("search/", pages_search.search, name="portal_search"),
    path("entries/<int:seq>/", pages_search.entry, name="portal_entry"),
    path("entries/<int:seq>/files/<int:place>/", pages_files.entry_file, name="portal_entry_file"),
    path("review/<int:report_id>/files/<int:seq>/<int:place>/", pages_files.report_file, name="portal_report_file"),
    path("exports/", pages_exports.exports, name="portal_exports"),
    path("exports/new/", pages_exports.new_export, name="portal_new_export"),
    path("exports/<int:export_id>/", pages_exports.export, name="portal_export"),
    path("exports/<int:export_id>/state/", pages_exports.export_state, name="portal_export_state"),
    path("exports/<int:export_id>/approve/", pages_exports.approve, name="portal_export_approve"),
    path("exports/<int:export_id>/refuse/", pages_exports.refuse, name="portal_export_refuse"),
    path("exports/<int:export_id>/download/", pages_exports.download, name="portal_export_download"),
    path("parked/", pages_parked.parked, name="portal_parked"),
    path("parked/<str:kind>/<str:key>/", pages_parked.item, name="portal_parked_item"),
    path("parked/<str:kind>/<str:key>/retry/", pages_parked.retry, name="portal_parked_retry"),
    path("parked/<str:kind>/<str:key>/set-aside/", pages_parked.set_aside, name="portal_parked_set_aside"),
    path("record/", pages.record, name="portal_record"),
    path("record/check/", pages.check_record, name="portal_record_check"),
    path("record/checks/<int:check_id>/", pages.check_state, name="portal_check_state"),
    path("record/alarms/<int:alarm_id>/", pages.acknowledge_alarm, name="portal_alarm"),
]

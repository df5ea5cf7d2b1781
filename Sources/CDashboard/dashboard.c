#include "dashboard.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

// One entry for each file of web/: a test of the page fails for one that is missing.

static const unsigned char api_js[] = {
#embed "web/api.js"
};

static const unsigned char app_js[] = {
#embed "web/app.js"
};

static const unsigned char dom_js[] = {
#embed "web/dom.js"
};

static const unsigned char events_js[] = {
#embed "web/events.js"
};

static const unsigned char format_js[] = {
#embed "web/format.js"
};

static const unsigned char graph_columns_js[] = {
#embed "web/graph/columns.js"
};

static const unsigned char graph_curves_js[] = {
#embed "web/graph/curves.js"
};

static const unsigned char graph_draw_js[] = {
#embed "web/graph/draw.js"
};

static const unsigned char graph_focus_js[] = {
#embed "web/graph/focus.js"
};

static const unsigned char graph_labels_js[] = {
#embed "web/graph/labels.js"
};

static const unsigned char graph_layout_js[] = {
#embed "web/graph/layout.js"
};

static const unsigned char graph_model_js[] = {
#embed "web/graph/model.js"
};

static const unsigned char graph_nodes_js[] = {
#embed "web/graph/nodes.js"
};

static const unsigned char graph_particles_js[] = {
#embed "web/graph/particles.js"
};

static const unsigned char graph_place_js[] = {
#embed "web/graph/place.js"
};

static const unsigned char graph_reading_js[] = {
#embed "web/graph/reading.js"
};

static const unsigned char graph_table_js[] = {
#embed "web/graph/table.js"
};

static const unsigned char graph_tree_js[] = {
#embed "web/graph/tree.js"
};

static const unsigned char icon_svg[] = {
#embed "web/icon.svg"
};

static const unsigned char index_html[] = {
#embed "web/index.html"
};

static const unsigned char panels_backend_js[] = {
#embed "web/panels/backend.js"
};

static const unsigned char panels_bars_js[] = {
#embed "web/panels/bars.js"
};

static const unsigned char panels_endpoint_js[] = {
#embed "web/panels/endpoint.js"
};

static const unsigned char panels_history_js[] = {
#embed "web/panels/history.js"
};

static const unsigned char panels_live_js[] = {
#embed "web/panels/live.js"
};

static const unsigned char panels_panel_js[] = {
#embed "web/panels/panel.js"
};

static const unsigned char panels_route_js[] = {
#embed "web/panels/route.js"
};

static const unsigned char panels_sliders_js[] = {
#embed "web/panels/sliders.js"
};

static const unsigned char panels_split_js[] = {
#embed "web/panels/split.js"
};

static const unsigned char panels_steer_js[] = {
#embed "web/panels/steer.js"
};

static const unsigned char parts_controls_js[] = {
#embed "web/parts/controls.js"
};

static const unsigned char parts_notices_js[] = {
#embed "web/parts/notices.js"
};

static const unsigned char parts_topbar_js[] = {
#embed "web/parts/topbar.js"
};

static const unsigned char preferences_js[] = {
#embed "web/preferences.js"
};

static const unsigned char router_js[] = {
#embed "web/router.js"
};

static const unsigned char sparkline_js[] = {
#embed "web/sparkline.js"
};

static const unsigned char store_js[] = {
#embed "web/store.js"
};

static const unsigned char style_graph_css[] = {
#embed "web/style/graph.css"
};

static const unsigned char style_panel_css[] = {
#embed "web/style/panel.css"
};

static const unsigned char style_parts_css[] = {
#embed "web/style/parts.css"
};

static const unsigned char style_shell_css[] = {
#embed "web/style/shell.css"
};

static const unsigned char style_theme_css[] = {
#embed "web/style/theme.css"
};

static const unsigned char style_views_css[] = {
#embed "web/style/views.css"
};

static const unsigned char views_changes_js[] = {
#embed "web/views/changes.js"
};

static const unsigned char views_config_js[] = {
#embed "web/views/config.js"
};

static const unsigned char views_graph_js[] = {
#embed "web/views/graph.js"
};

static const unsigned char views_models_js[] = {
#embed "web/views/models.js"
};

static const unsigned char views_requests_js[] = {
#embed "web/views/requests.js"
};

static const unsigned char weights_js[] = {
#embed "web/weights.js"
};

const struct dashboard_file dashboard_files[] = {
    {"/api.js", "text/javascript; charset=utf-8", api_js, sizeof api_js},
    {"/app.js", "text/javascript; charset=utf-8", app_js, sizeof app_js},
    {"/dom.js", "text/javascript; charset=utf-8", dom_js, sizeof dom_js},
    {"/events.js", "text/javascript; charset=utf-8", events_js, sizeof events_js},
    {"/format.js", "text/javascript; charset=utf-8", format_js, sizeof format_js},
    {"/graph/columns.js", "text/javascript; charset=utf-8", graph_columns_js, sizeof graph_columns_js},
    {"/graph/curves.js", "text/javascript; charset=utf-8", graph_curves_js, sizeof graph_curves_js},
    {"/graph/draw.js", "text/javascript; charset=utf-8", graph_draw_js, sizeof graph_draw_js},
    {"/graph/focus.js", "text/javascript; charset=utf-8", graph_focus_js, sizeof graph_focus_js},
    {"/graph/labels.js", "text/javascript; charset=utf-8", graph_labels_js, sizeof graph_labels_js},
    {"/graph/layout.js", "text/javascript; charset=utf-8", graph_layout_js, sizeof graph_layout_js},
    {"/graph/model.js", "text/javascript; charset=utf-8", graph_model_js, sizeof graph_model_js},
    {"/graph/nodes.js", "text/javascript; charset=utf-8", graph_nodes_js, sizeof graph_nodes_js},
    {"/graph/particles.js", "text/javascript; charset=utf-8", graph_particles_js, sizeof graph_particles_js},
    {"/graph/place.js", "text/javascript; charset=utf-8", graph_place_js, sizeof graph_place_js},
    {"/graph/reading.js", "text/javascript; charset=utf-8", graph_reading_js, sizeof graph_reading_js},
    {"/graph/table.js", "text/javascript; charset=utf-8", graph_table_js, sizeof graph_table_js},
    {"/graph/tree.js", "text/javascript; charset=utf-8", graph_tree_js, sizeof graph_tree_js},
    {"/icon.svg", "image/svg+xml", icon_svg, sizeof icon_svg},
    {"/", "text/html; charset=utf-8", index_html, sizeof index_html},
    {"/panels/backend.js", "text/javascript; charset=utf-8", panels_backend_js, sizeof panels_backend_js},
    {"/panels/bars.js", "text/javascript; charset=utf-8", panels_bars_js, sizeof panels_bars_js},
    {"/panels/endpoint.js", "text/javascript; charset=utf-8", panels_endpoint_js, sizeof panels_endpoint_js},
    {"/panels/history.js", "text/javascript; charset=utf-8", panels_history_js, sizeof panels_history_js},
    {"/panels/live.js", "text/javascript; charset=utf-8", panels_live_js, sizeof panels_live_js},
    {"/panels/panel.js", "text/javascript; charset=utf-8", panels_panel_js, sizeof panels_panel_js},
    {"/panels/route.js", "text/javascript; charset=utf-8", panels_route_js, sizeof panels_route_js},
    {"/panels/sliders.js", "text/javascript; charset=utf-8", panels_sliders_js, sizeof panels_sliders_js},
    {"/panels/split.js", "text/javascript; charset=utf-8", panels_split_js, sizeof panels_split_js},
    {"/panels/steer.js", "text/javascript; charset=utf-8", panels_steer_js, sizeof panels_steer_js},
    {"/parts/controls.js", "text/javascript; charset=utf-8", parts_controls_js, sizeof parts_controls_js},
    {"/parts/notices.js", "text/javascript; charset=utf-8", parts_notices_js, sizeof parts_notices_js},
    {"/parts/topbar.js", "text/javascript; charset=utf-8", parts_topbar_js, sizeof parts_topbar_js},
    {"/preferences.js", "text/javascript; charset=utf-8", preferences_js, sizeof preferences_js},
    {"/router.js", "text/javascript; charset=utf-8", router_js, sizeof router_js},
    {"/sparkline.js", "text/javascript; charset=utf-8", sparkline_js, sizeof sparkline_js},
    {"/store.js", "text/javascript; charset=utf-8", store_js, sizeof store_js},
    {"/style/graph.css", "text/css; charset=utf-8", style_graph_css, sizeof style_graph_css},
    {"/style/panel.css", "text/css; charset=utf-8", style_panel_css, sizeof style_panel_css},
    {"/style/parts.css", "text/css; charset=utf-8", style_parts_css, sizeof style_parts_css},
    {"/style/shell.css", "text/css; charset=utf-8", style_shell_css, sizeof style_shell_css},
    {"/style/theme.css", "text/css; charset=utf-8", style_theme_css, sizeof style_theme_css},
    {"/style/views.css", "text/css; charset=utf-8", style_views_css, sizeof style_views_css},
    {"/views/changes.js", "text/javascript; charset=utf-8", views_changes_js, sizeof views_changes_js},
    {"/views/config.js", "text/javascript; charset=utf-8", views_config_js, sizeof views_config_js},
    {"/views/graph.js", "text/javascript; charset=utf-8", views_graph_js, sizeof views_graph_js},
    {"/views/models.js", "text/javascript; charset=utf-8", views_models_js, sizeof views_models_js},
    {"/views/requests.js", "text/javascript; charset=utf-8", views_requests_js, sizeof views_requests_js},
    {"/weights.js", "text/javascript; charset=utf-8", weights_js, sizeof weights_js},
};

const size_t dashboard_file_count = sizeof dashboard_files / sizeof dashboard_files[0];

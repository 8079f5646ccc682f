//! One row of the timeline: filled from its item, and nothing kept between two items.

use std::{cell::RefCell, time::Duration};

use gtk::{glib, prelude::*, subclass::prelude::*};

use super::whole_text;
use crate::model::{Item, Kind};

/// Colours of names, in the style sheet.
const NICK_COLOURS: u32 = 6;

const COPY: &str = "Copy address";

const SHOW_ALL: &str = "Show all";

/// The time the button says that it has been pressed.
const CONFIRMATION: Duration = Duration::from_secs(2);

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct ItemRow {
        pub(super) sender: gtk::Label,
        pub(super) time: gtk::Label,
        pub(super) header: gtk::Box,
        pub(super) body: gtk::Label,
        pub(super) status: gtk::Label,
        pub(super) reactions: gtk::Label,
        pub(super) bubble: gtk::Box,
        pub(super) copy: gtk::Button,
        /// Opens what the body is the beginning of.
        pub(super) show_all: gtk::Button,
        /// The item that is shown.
        pub(super) item: RefCell<Option<Item>>,
        pub(super) bindings: RefCell<Vec<glib::Binding>>,
        /// Classes that depend on the item.
        pub(super) classes: RefCell<Vec<(gtk::Widget, String)>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ItemRow {
        const NAME: &'static str = "ChatItemRow";
        type Type = super::ItemRow;
        type ParentType = gtk::Box;
    }

    impl ObjectImpl for ItemRow {
        fn constructed(&self) {
            self.parent_constructed();
            let row = self.obj();
            row.set_orientation(gtk::Orientation::Vertical);
            self.header.set_spacing(8);
            self.sender.add_css_class("sender");
            self.sender.set_xalign(0.0);
            self.sender.set_ellipsize(gtk::pango::EllipsizeMode::End);
            for label in [&self.time, &self.status] {
                label.add_css_class("time");
                label.add_css_class("dim-label");
                label.set_xalign(0.0);
            }
            self.status.add_css_class("status");
            self.status.set_wrap(true);
            self.reactions.set_xalign(0.0);
            self.reactions.set_wrap(true);
            self.reactions.set_wrap_mode(gtk::pango::WrapMode::WordChar);
            self.body.set_wrap(true);
            self.body.set_wrap_mode(gtk::pango::WrapMode::WordChar);
            self.body.set_xalign(0.0);
            self.header.append(&self.sender);
            self.header.append(&self.time);
            self.bubble.set_orientation(gtk::Orientation::Vertical);
            self.bubble.set_spacing(2);
            self.copy.set_label(COPY);
            self.copy.set_halign(gtk::Align::Start);
            self.copy.set_margin_top(6);
            self.copy.connect_clicked(glib::clone!(
                #[weak]
                row,
                move |button| {
                    if let Some(item) = &*row.imp().item.borrow() {
                        row.clipboard().set_text(&item.body());
                    }
                    button.set_label("Copied");
                    let button = button.clone();
                    glib::timeout_add_local_once(CONFIRMATION, move || button.set_label(COPY));
                }
            ));
            self.show_all.set_label(SHOW_ALL);
            self.show_all.set_halign(gtk::Align::Start);
            self.show_all.set_visible(false);
            self.show_all.add_css_class("flat");
            self.show_all.connect_clicked(glib::clone!(
                #[weak]
                row,
                move |_| {
                    if let Some(item) = &*row.imp().item.borrow() {
                        whole_text::open(&row, &item.whole());
                    }
                }
            ));
            for child in [
                self.header.upcast_ref::<gtk::Widget>(),
                self.body.upcast_ref(),
                self.show_all.upcast_ref(),
                self.reactions.upcast_ref(),
                self.status.upcast_ref(),
                self.copy.upcast_ref(),
            ] {
                self.bubble.append(child);
            }
            row.append(&self.bubble);
        }
    }

    impl WidgetImpl for ItemRow {}
    impl BoxImpl for ItemRow {}
}

glib::wrapper! {
    pub struct ItemRow(ObjectSubclass<imp::ItemRow>)
        @extends gtk::Box, gtk::Widget,
        @implements gtk::Buildable, gtk::ConstraintTarget, gtk::Orientable;
}

impl ItemRow {
    pub(crate) fn new() -> Self {
        glib::Object::new()
    }

    /// Shows `item`.
    pub(crate) fn bind(&self, item: &Item) {
        let imp = self.imp();
        let is_message = item.kind() == Kind::Message;
        imp.header.set_visible(is_message && item.is_first());
        imp.copy.set_visible(item.kind() == Kind::Invitation);
        imp.status.set_visible(false);
        imp.reactions.set_visible(false);
        self.bind_whole(item);
        // What stood there before may be no markup.
        imp.body.set_text("");
        imp.body.set_use_markup(is_message);
        match item.kind() {
            Kind::Message => {
                imp.sender.set_label(item.sender());
                imp.time.set_label(item.time());
                self.set_tooltip_text(Some(item.time()));
                let align = if item.is_own() { gtk::Align::End } else { gtk::Align::Start };
                imp.bubble.set_halign(align);
                self.set_class(self.upcast_ref(), "message");
                self.set_class(imp.bubble.upcast_ref(), "bubble");
                if item.is_own() {
                    self.set_class(self.upcast_ref(), "own");
                } else {
                    self.set_class(imp.sender.upcast_ref(), &nick_class(item.sender()));
                }
                if item.is_mention() {
                    self.set_class(self.upcast_ref(), "mention");
                }
                if item.is_first() {
                    self.set_class(self.upcast_ref(), "first");
                }
                if item.is_past() {
                    self.set_class(self.upcast_ref(), "past");
                }
                self.bind_changes(item);
            }
            Kind::Notice => {
                imp.body.set_text(&item.body());
                imp.bubble.set_halign(gtk::Align::Center);
                self.set_class(self.upcast_ref(), "notice");
                self.set_class(imp.body.upcast_ref(), "dim-label");
            }
            Kind::Invitation => {
                let address = item.body();
                imp.body.set_text(&format!("You host this room. Others join at {address}"));
                imp.bubble.set_halign(gtk::Align::Fill);
                self.set_class(self.upcast_ref(), "invitation");
                self.set_class(imp.bubble.upcast_ref(), "card");
            }
        }
    }

    /// Shows what changes of a message as it changes.
    fn bind_changes(&self, item: &Item) {
        let imp = self.imp();
        let body = item.bind_property("body", &imp.body, "label").sync_create().build();
        let reactions =
            item.bind_property("reactions", &imp.reactions, "label").sync_create().build();
        let is_there = item
            .bind_property("reactions", &imp.reactions, "visible")
            .transform_to(|_, reactions: String| Some(!reactions.is_empty()))
            .sync_create()
            .build();
        let status = &imp.status;
        let show = item.bind_property("status", status, "label").sync_create().build();
        let visible = item
            .bind_property("status", status, "visible")
            .transform_to(|_, status: String| Some(!status.is_empty()))
            .sync_create()
            .build();
        let failed = item
            .bind_property("has-failed", status, "css-classes")
            .transform_to(|_, has_failed: bool| {
                let last = if has_failed { "failed" } else { "dim-label" };
                Some(["time", "status", last].map(str::to_owned).to_vec())
            })
            .sync_create()
            .build();
        imp.bindings.borrow_mut().extend([body, reactions, is_there, show, visible, failed]);
    }

    /// The text that the body is the beginning of can be opened, as it changes.
    fn bind_whole(&self, item: &Item) {
        self.imp().item.replace(Some(item.clone()));
        let is_there = item
            .bind_property("whole", &self.imp().show_all, "visible")
            .transform_to(|_, whole: String| Some(!whole.is_empty()))
            .sync_create()
            .build();
        self.imp().bindings.borrow_mut().push(is_there);
    }

    /// Forgets the item.
    pub(crate) fn unbind(&self) {
        let imp = self.imp();
        imp.item.take();
        for binding in imp.bindings.take() {
            binding.unbind();
        }
        for (widget, class) in imp.classes.take() {
            widget.remove_css_class(&class);
        }
        self.set_tooltip_text(None);
    }

    fn set_class(&self, widget: &gtk::Widget, class: &str) {
        widget.add_css_class(class);
        self.imp().classes.borrow_mut().push((widget.clone(), class.to_owned()));
    }
}

/// The class of a name's colour: always the same for the same name.
fn nick_class(nick: &str) -> String {
    let hash =
        nick.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    format!("nick{}", hash % NICK_COLOURS)
}

//! The chat page: what is said, who is there, and an entry to say something.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    time::Duration,
};

use adw::{prelude::*, subclass::prelude::*};
use chat_core::{ChatClient, CloseReason, ConnectionState, Update};
use gtk::glib;

use super::item_row::ItemRow;
use crate::{
    error::{lost, sentence},
    hosting::Hosted,
    model::{Item, Timeline},
    text::name,
};

/// Everything that has to be ended when the room is left.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: ChatClient,
    pub(crate) hosted: Option<Hosted>,
}

/// The time a server may take to put someone into a room.
const ROOM_WITHIN: Duration = Duration::from_secs(3);

/// People who are listed; of more, how many they are is said.
const PEOPLE_MAX: usize = 1000;

/// The distance from its end within which the list follows what is added, in pixels.
const NEAR_END: f64 = 40.0;

mod imp {
    use super::*;

    // More than 12 fields: one for each widget of the template.
    #[derive(gtk::CompositeTemplate)]
    #[template(file = "chat_page.ui")]
    pub struct ChatPage {
        #[template_child]
        pub(super) title: TemplateChild<adw::WindowTitle>,
        #[template_child]
        pub(super) leave: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) show_people: TemplateChild<gtk::ToggleButton>,
        #[template_child]
        pub(super) banner: TemplateChild<gtk::Revealer>,
        #[template_child]
        pub(super) banner_text: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) reconnect: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) people_heading: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) people: TemplateChild<gtk::ListView>,
        #[template_child]
        pub(super) scroller: TemplateChild<gtk::ScrolledWindow>,
        #[template_child]
        pub(super) messages: TemplateChild<gtk::ListView>,
        #[template_child]
        pub(super) to_newest: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) entry: TemplateChild<gtk::Entry>,
        #[template_child]
        pub(super) send: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) flap: TemplateChild<adw::Flap>,
        pub(super) timeline: Timeline,
        pub(super) nicks: gtk::StringList,
        pub(super) connection: RefCell<Option<Connection>>,
        /// The room that is shown: the first we are in.
        pub(super) room: RefCell<Option<Arc<str>>>,
        /// The list follows what is added.
        pub(super) is_sticky: Cell<bool>,
        pub(super) on_leave: RefCell<Option<Box<dyn Fn()>>>,
    }

    impl Default for ChatPage {
        fn default() -> Self {
            Self {
                title: TemplateChild::default(),
                leave: TemplateChild::default(),
                show_people: TemplateChild::default(),
                banner: TemplateChild::default(),
                banner_text: TemplateChild::default(),
                reconnect: TemplateChild::default(),
                people_heading: TemplateChild::default(),
                people: TemplateChild::default(),
                scroller: TemplateChild::default(),
                messages: TemplateChild::default(),
                to_newest: TemplateChild::default(),
                entry: TemplateChild::default(),
                send: TemplateChild::default(),
                flap: TemplateChild::default(),
                timeline: Timeline::new(),
                nicks: gtk::StringList::new(&[]),
                connection: RefCell::default(),
                room: RefCell::default(),
                is_sticky: Cell::new(true),
                on_leave: RefCell::default(),
            }
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ChatPage {
        const NAME: &'static str = "ChatChatPage";
        type Type = super::ChatPage;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for ChatPage {
        fn constructed(&self) {
            self.parent_constructed();
            let page = self.obj();
            page.set_up_lists();
            page.set_up_scrolling();
            page.set_up_controls();
        }
    }

    impl WidgetImpl for ChatPage {}
    impl BinImpl for ChatPage {}
}

glib::wrapper! {
    pub struct ChatPage(ObjectSubclass<imp::ChatPage>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Buildable, gtk::ConstraintTarget;
}

impl ChatPage {
    /// A page for a connection. `on_leave` is called when someone wants to go.
    pub(crate) fn new(connection: Connection, on_leave: impl Fn() + 'static) -> Self {
        let page: Self = glib::Object::new();
        let imp = page.imp();
        imp.on_leave.replace(Some(Box::new(on_leave)));
        if let Some(hosted) = &connection.hosted {
            imp.timeline.invite(&hosted.shared_address.to_string());
        }
        imp.connection.replace(Some(connection));
        imp.show_people.set_active(true);
        page.show_people();
        page
    }

    /// Takes the connection away, to be ended.
    pub(crate) fn take_connection(&self) -> Option<Connection> {
        self.imp().connection.take()
    }

    /// Nothing more can be said.
    pub(crate) fn stop_writing(&self) {
        let imp = self.imp();
        imp.entry.set_sensitive(false);
        imp.send.set_sensitive(false);
    }

    /// Whether this window runs the server, and others would be cut off.
    pub(crate) fn hosts_others(&self) -> bool {
        let connection = self.imp().connection.borrow();
        let Some(Connection { client, hosted: Some(_) }) = &*connection else { return false };
        client.rooms().iter().any(|room| client.members(room).len() > 1)
    }

    /// Puts the cursor where one writes.
    pub(crate) fn focus_entry(&self) {
        self.imp().entry.grab_focus();
    }

    pub(crate) fn toggle_people(&self) {
        let button = &self.imp().show_people;
        button.set_active(!button.is_active());
    }

    /// Takes what happened.
    pub(crate) fn take(&self, updates: &[Update], closed: Option<CloseReason>) {
        let imp = self.imp();
        for update in updates {
            match update {
                Update::State(state) => self.show_state(state),
                Update::Joined { room, me: true, .. } => {
                    imp.room.borrow_mut().get_or_insert_with(|| Arc::clone(room));
                    self.allow_writing();
                }
                Update::Left { room, me: true, .. } => {
                    imp.room.borrow_mut().take_if(|own| own == room);
                    self.allow_writing();
                }
                _ => {}
            }
        }
        let changes_people = |update: &Update| {
            matches!(
                update,
                Update::Joined { .. }
                    | Update::Left { .. }
                    | Update::Renamed { .. }
                    | Update::Members { .. }
            )
        };
        imp.timeline.take(updates);
        if updates.iter().any(changes_people) {
            self.show_people();
        }
        if let Some(reason) = closed.filter(|reason| !reason.is_clean()) {
            self.show_banner(
                &format!("{} Leave the room and join it again.", sentence(&reason.to_string())),
                false,
            );
        }
    }

    fn show_state(&self, state: &ConnectionState) {
        let imp = self.imp();
        match state {
            ConnectionState::Ready { .. } => {
                imp.banner.set_reveal_child(false);
                self.note_if_nowhere();
            }
            ConnectionState::Waiting { retry_in, cause, .. } => {
                let seconds = retry_in.as_secs_f32().ceil();
                self.show_banner(&format!("{} Trying again in {seconds:.0} s.", lost(cause)), true);
            }
            // It was lost before: the first time, the page is not there yet.
            ConnectionState::Connecting { .. } if imp.banner.reveals_child() => {
                self.show_banner("Reconnecting…", true);
            }
            _ => {}
        }
        self.allow_writing();
    }

    /// One can write while there is a connection, and a room to be heard in.
    fn allow_writing(&self) {
        let imp = self.imp();
        let is_ready =
            imp.connection.borrow().as_ref().is_some_and(|c| c.client.state().is_ready());
        let can_send = is_ready && imp.room.borrow().is_some();
        let could_send = imp.entry.is_sensitive();
        imp.entry.set_sensitive(can_send);
        imp.send.set_sensitive(can_send);
        if can_send && !could_send {
            // What is insensitive loses the cursor; give it back.
            imp.entry.grab_focus();
        }
    }

    /// Says so if the server puts us into no room.
    fn note_if_nowhere(&self) {
        let page = self.downgrade();
        glib::timeout_add_local_once(ROOM_WITHIN, move || {
            let Some(page) = page.upgrade() else { return };
            if page.imp().room.borrow().is_none() {
                page.imp().timeline.note(
                    "This server has put you into no room: nobody can hear you. Ask its host.",
                );
            }
        });
    }

    fn show_banner(&self, text: &str, can_reconnect: bool) {
        let imp = self.imp();
        imp.banner_text.set_label(text);
        imp.reconnect.set_visible(can_reconnect);
        imp.banner.set_reveal_child(true);
        self.stop_writing();
    }

    fn show_people(&self) {
        let imp = self.imp();
        let connection = imp.connection.borrow();
        let Some(Connection { client, .. }) = &*connection else { return };
        let room = imp.room.borrow();
        let room = room.as_deref().unwrap_or_default();
        let nicks = client.members(room);
        let mut names: Vec<String> = nicks.iter().take(PEOPLE_MAX).map(|nick| name(nick)).collect();
        if nicks.len() > PEOPLE_MAX {
            names.push(format!("… and {} more", nicks.len() - PEOPLE_MAX));
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        imp.nicks.splice(0, imp.nicks.n_items(), &names);
        let heading = if nicks.len() == 1 {
            "1 person".to_owned()
        } else {
            format!("{} people", nicks.len())
        };
        imp.title.set_title(&name(room));
        imp.title.set_subtitle(&heading);
        imp.people_heading.set_label(&heading);
    }

    fn set_up_lists(&self) {
        let imp = self.imp();
        let rows = gtk::SignalListItemFactory::new();
        rows.connect_setup(|_, object| {
            if let Some(cell) = object.downcast_ref::<gtk::ListItem>() {
                cell.set_child(Some(&ItemRow::new()));
                cell.set_activatable(false);
            }
        });
        rows.connect_bind(|_, object| {
            if let Some((row, item)) = row_and_item(object) {
                row.bind(&item);
            }
        });
        rows.connect_unbind(|_, object| {
            if let Some((row, _)) = row_and_item(object) {
                row.unbind();
            }
        });
        imp.messages.set_factory(Some(&rows));
        imp.messages.set_model(Some(&gtk::NoSelection::new(Some(imp.timeline.model().clone()))));

        let names = gtk::SignalListItemFactory::new();
        names.connect_setup(|_, object| {
            if let Some(cell) = object.downcast_ref::<gtk::ListItem>() {
                let label = gtk::Label::builder()
                    .xalign(0.0)
                    .ellipsize(gtk::pango::EllipsizeMode::End)
                    .build();
                cell.set_child(Some(&label));
            }
        });
        names.connect_bind(|_, object| {
            let Some(cell) = object.downcast_ref::<gtk::ListItem>() else { return };
            let name = cell.item().and_downcast::<gtk::StringObject>();
            let label = cell.child().and_downcast::<gtk::Label>();
            if let (Some(name), Some(label)) = (name, label) {
                label.set_label(&name.string());
            }
        });
        imp.people.set_factory(Some(&names));
        imp.people.set_model(Some(&gtk::NoSelection::new(Some(imp.nicks.clone()))));
    }

    /// The list stays at its end while someone reads there, and where they are when they do not.
    fn set_up_scrolling(&self) {
        let imp = self.imp();
        let adjustment = imp.scroller.vadjustment();
        adjustment.connect_value_changed(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |adjustment| {
                let end = adjustment.upper() - adjustment.page_size();
                let is_near = end - adjustment.value() < NEAR_END;
                page.imp().is_sticky.set(is_near);
                page.imp().to_newest.set_visible(!is_near);
            }
        ));
        let follow = glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |_: &gtk::Adjustment| {
                if page.imp().is_sticky.get() {
                    // Not from within the layout that changed it.
                    glib::idle_add_local_once(move || page.scroll_to_end());
                }
            }
        );
        adjustment.connect_upper_notify(follow.clone());
        adjustment.connect_page_size_notify(follow);
        imp.to_newest.connect_clicked(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |_| page.scroll_to_end()
        ));
    }

    fn scroll_to_end(&self) {
        let adjustment = self.imp().scroller.vadjustment();
        self.imp().is_sticky.set(true);
        adjustment.set_value(adjustment.upper() - adjustment.page_size());
    }

    fn set_up_controls(&self) {
        let imp = self.imp();
        imp.send.connect_clicked(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |_| page.send()
        ));
        imp.entry.connect_activate(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |_| page.send()
        ));
        imp.reconnect.connect_clicked(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |_| {
                if let Some(connection) = &*page.imp().connection.borrow() {
                    connection.client.reconnect_now();
                }
            }
        ));
        imp.leave.connect_clicked(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |_| {
                if let Some(on_leave) = &*page.imp().on_leave.borrow() {
                    on_leave();
                }
            }
        ));
    }

    /// Says what is in the entry; keeps it there if it cannot be said.
    fn send(&self) {
        let imp = self.imp();
        let text = imp.entry.text();
        let connection = imp.connection.borrow();
        let room = imp.room.borrow();
        let (Some(Connection { client, .. }), Some(room)) = (&*connection, &*room) else { return };
        if text.trim().is_empty() {
            return;
        }
        let sent = match text.strip_prefix("/me ") {
            Some(action) => client.send_action(room, action),
            None => client.send(room, &text),
        };
        match sent {
            Ok(_) => imp.entry.set_text(""),
            Err(error) => imp.timeline.note(&format!("not sent: {error}")),
        }
        self.scroll_to_end();
        imp.entry.grab_focus();
    }
}

fn row_and_item(object: &glib::Object) -> Option<(ItemRow, Item)> {
    let cell = object.downcast_ref::<gtk::ListItem>()?;
    Some((cell.child().and_downcast()?, cell.item().and_downcast()?))
}
